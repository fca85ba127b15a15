import * as vscode from "vscode";
import type { Highlighter } from "./highlighter.ts";
import { escapeMarkdown } from "./markdown.ts";
import { blockAt } from "./ranges.ts";

/** Tells what is known of the block under the mouse, where highlights are shown. */
export class ImportanceHover implements vscode.HoverProvider {
  readonly #highlighter: Highlighter;

  constructor(highlighter: Highlighter) {
    this.#highlighter = highlighter;
  }

  async provideHover(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Hover | undefined> {
    const { view, on, follows, cursor, stale } = this.#highlighter;
    const link = view.subject?.link;
    if (!on || !view.subject || !link || link.document !== document) return undefined;
    const { report } = view.subject;
    const { blockRanges } = report.document;
    const offset = link.toProfiled(document.offsetAt(position));
    const block = offset === undefined ? undefined : blockAt(blockRanges, offset);
    const range = block === undefined ? undefined : link.toDocument(...blockRanges[block]!);
    if (block === undefined || !range) return undefined;
    const { cursorLines, hoverLines } = await import("../heavy.ts");
    const lines = [
      ...(follows && cursor ? cursorLines(cursor, block, blockRanges[block]!) : []),
      ...hoverLines(report, block, stale),
    ];
    if (lines.length === 0) return undefined;
    const content = new vscode.MarkdownString();
    content.isTrusted = false;
    for (const line of lines) content.appendMarkdown(`${escapeMarkdown(line)}\n\n`);
    return new vscode.Hover(content, new vscode.Range(document.positionAt(range[0]), document.positionAt(range[1])));
  }
}
