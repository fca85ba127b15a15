import type { Table } from "../tables.ts";
import { markup, type Markup } from "./markup.ts";

/** A canvas that the page's script draws on. */
export function chart(id: string): Markup {
  return markup`<div class="chart"><canvas id="${id}" role="img" tabindex="0"></canvas></div>`;
}

export function details(summary: string, content: readonly Markup[]): Markup {
  return markup`<details><summary>${summary}</summary>${content}</details>`;
}

/** A table that scrolls sideways by itself where the page is narrow. */
export function table({ columns, rows }: Table, caption: string): Markup {
  const kind = (i: number): string => (columns[i]?.numeric ? "number" : "words");
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table><caption>${caption}</caption>
<thead><tr>${columns.map((column, i) => markup`<th scope="col" class="${kind(i)}">${column.title}</th>`)}</tr></thead>
<tbody>${rows.map(
    (
      row,
    ) => markup`<tr>${row.map((cell, i) => (i === 0 ? markup`<th scope="row" class="${kind(i)}">${cell}</th>` : markup`<td class="${kind(i)}">${cell}</td>`))}</tr>
`,
  )}</tbody></table></div>`;
}
