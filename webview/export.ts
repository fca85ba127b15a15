import { createHash } from "node:crypto";
import type { Report } from "../src/protocol/report.ts";
import type { ToPanel } from "../src/protocol/panel.ts";
import { jsonBlock, markup, Markup } from "./markup.ts";
import { exportedState, MESSAGE_ID } from "./model/exported.ts";
import type { NamedTable } from "./model/named-table.ts";
import { staticSections, type StaticSection } from "./model/static.ts";

/** What the build makes of this folder: the panel's script and style sheet. */
export interface PageCode {
  readonly script: string;
  readonly style: string;
}

/**
 * The report as one page that opens from a disk without a network: the panel's own code with the message that a host would send
 * it, and tables for readers without scripts. Its content security policy lets nothing else in. Pure text: made without a DOM.
 *
 * @param text the document's, which is shown where importance is known; a report leaves it out unless it was asked for
 */
export function renderHtml(report: Report, code: PageCode, text: string | undefined = report.document.text): string {
  const state = exportedState(report, report.importance ? text : undefined);
  const message: ToPanel = { type: "state", state };
  const script = inElement(code.script, "script");
  const style = inElement(code.style, "style");
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    // The toolkit tries out one empty style element.
    `style-src ${hashOf(style)} ${hashOf("")}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return markup`<!doctype html>
<html lang="en" class="exported">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${report.document.name} - HySparse profile</title>
<style>${Markup.trusted(style)}</style>
</head>
<body>
<main id="panel" aria-busy="true"></main>
<noscript><main class="static">
<h1>${report.document.name}</h1>
<p>Charts, map and the document's text need scripts. The page runs none but its own, and loads nothing.</p>
${staticSections(state).map(section)}
</main></noscript>
${jsonBlock(MESSAGE_ID, message)}
<script>${Markup.trusted(script)}</script>
</body>
</html>
`.text;
}

function section({ title, paragraphs, tables, notes }: StaticSection): Markup {
  return markup`<section><h2>${title}</h2>
${paragraphs.map((text) => markup`<p>${text}</p>\n`)}${tables.map(table)}
${notes.length === 0 ? "" : markup`<ul class="notes">${notes.map((note) => markup`<li>${note}</li>\n`)}</ul>`}
</section>
`;
}

function table({ caption, table: { columns, rows } }: NamedTable): Markup {
  const kind = (i: number): string => (columns[i]?.numeric ? "number" : "words");
  const cell = (text: string, i: number): Markup =>
    i === 0 ? markup`<th scope="row" class="${kind(i)}">${text}</th>` : markup`<td class="${kind(i)}">${text}</td>`;
  return markup`<div class="scroll"><table><caption>${caption}</caption>
<thead><tr>${columns.map(({ title }, i) => markup`<th scope="col" class="${kind(i)}">${title}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => markup`<tr>${row.map(cell)}</tr>\n`)}</tbody></table></div>
`;
}

/** What a content security policy allows an inline element by. */
function hashOf(content: string): string {
  return `'sha256-${createHash("sha256").update(content, "utf8").digest("base64")}'`;
}

/**
 * Code of ours for an element that a parser ends at its name, or reads differently behind a comment's begin. In bundles both only
 * occur inside literals, where the escape means the same.
 */
function inElement(code: string, name: "script" | "style"): string {
  const less = name === "script" ? "\\x3C" : "\\3C ";
  return code.replace(new RegExp(`<(?=/${name}|!--)`, "gi"), less);
}
