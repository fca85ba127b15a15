import { visibleLines } from "../src/model/printable.ts";

/** Markup that is already safe. Only `markup` makes it, so a plain string can never slip into a page unescaped. */
export class Markup {
  readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  /** For text that is markup by construction: files of ours, never anything from a document. */
  static trusted(text: string): Markup {
    return new Markup(text);
  }
}

type Value = string | Markup | readonly Markup[];

/** A template whose holes are escaped, unless they hold markup. */
export function markup(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  let text = parts[0] ?? "";
  values.forEach((value, i) => {
    text += render(value) + (parts[i + 1] ?? "");
  });
  return Markup.trusted(text);
}

function render(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map((item) => item.text).join("");
  return escape(value);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  // Attributes are quoted by these alone.
  '"': "&quot;",
};

/** What a parser would drop, change or obey (NUL, lone surrogates, direction overrides) becomes something to see. */
function escape(text: string): string {
  return visibleLines(text).replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}

/**
 * JSON for a data block inside a page. With every `<` written as an escape, nothing in it can close the element or open
 * a comment, whatever the document says; what a parser drops or changes (NUL, lone surrogates) JSON has escaped already.
 */
export function jsonBlock(id: string, value: unknown): Markup {
  const json = JSON.stringify(value).replaceAll("<", "\\u003c");
  return markup`<script type="application/json" id="${id}">${Markup.trusted(json)}</script>`;
}
