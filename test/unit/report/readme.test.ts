import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { terminalText } from "../../../src/cli/terminal.ts";
import { readReport } from "../../../src/report/json.ts";

const file = (name: string): string => readFileSync(new URL(`../../../${name}`, import.meta.url), "utf8");

/** Words with every figure, unit, border and line break taken out of the text. */
function shape(text: string): string {
  return text
    .replace(/\d[\d,.]*/gu, "#")
    .replace(/\b(?:[KMG]iB|ms|s)\b/gu, "u")
    .replace(/[─\s]+/gu, " ")
    .trim();
}

/** The README's printed output, block by block. */
function blocks(readme: string): string[] {
  const [, printed = ""] = /```text\n(.*?)```/su.exec(readme) ?? [];
  return printed.trim().split("\n\n");
}

describe("the README", () => {
  const readme = file("README.md");

  it("shows the output that its first command gives, as far as its shape goes", () => {
    const report = readReport(file("media/samples/design-note.hysparse.json"), "the sample");
    // Its first command asks for none of these.
    const printed = shape(terminalText({ ...report, sweep: undefined, fidelity: undefined, swaps: undefined }, ""));
    const shown = blocks(readme);
    assert.ok(shown.length >= 2);
    for (const block of shown) assert.ok(printed.includes(shape(block)), block);
  });

  it("is short, and leads only to files that there are", () => {
    assert.ok(readme.trimEnd().split("\n").length <= 90);
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/gu)].map(([, path = ""]) => path);
    assert.ok(links.length > 20);
    for (const path of links) assert.doesNotThrow(() => file(path), path);
  });
});
