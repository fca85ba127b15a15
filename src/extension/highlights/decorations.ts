import * as vscode from "vscode";
import { CURSOR_LEVELS, LEVELS, type CursorSpans, type Span } from "./ranges.ts";

/** From this level on a range is marked in the overview ruler: marking all would mark everything. */
const RULER_FROM = 3;

/**
 * Owns the decoration types. Every grade has a colour of the theme for its background and, for themes whose backgrounds
 * say nothing, an underline: dotted, then dashed, then solid; package.json contributes both.
 */
export class Decorations implements vscode.Disposable {
  readonly #importance = upTo(LEVELS).map((level) =>
    graded(`hysparse.importance.level${level}`, underline(level, LEVELS), {
      ...(level >= RULER_FROM ? { overviewRulerColor: new vscode.ThemeColor("hysparse.importance.ruler") } : {}),
      overviewRulerLane: vscode.OverviewRulerLane.Center,
    }),
  );
  readonly #stale = graded("hysparse.importance.stale", underline(1, LEVELS), {});
  readonly #selected = upTo(CURSOR_LEVELS).map((level) =>
    graded(`hysparse.cursor.selected${level}`, underline(level, CURSOR_LEVELS), {
      overviewRulerColor: new vscode.ThemeColor("hysparse.cursor.ruler"),
      overviewRulerLane: vscode.OverviewRulerLane.Center,
    }),
  );
  readonly #window = graded("hysparse.cursor.window", underline(1, CURSOR_LEVELS), {});
  readonly #unreadable = vscode.window.createTextEditorDecorationType({
    opacity: "0.45",
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });

  /** `levels` as importanceSpans gives them; `stale` draws all alike in grey. One call per type. */
  showImportance(editor: vscode.TextEditor, levels: readonly (readonly Span[])[], stale: boolean): void {
    const ranges = toRanges(editor.document);
    for (const [index, type] of this.#importance.entries()) {
      editor.setDecorations(type, stale ? [] : ranges(levels[index] ?? []));
    }
    editor.setDecorations(this.#stale, stale ? ranges(levels.flat()) : []);
  }

  showCursor(editor: vscode.TextEditor, spans: CursorSpans | undefined): void {
    const ranges = toRanges(editor.document);
    for (const [index, type] of this.#selected.entries()) {
      editor.setDecorations(type, ranges(spans?.selected[index] ?? []));
    }
    editor.setDecorations(this.#window, ranges(spans?.window ?? []));
    editor.setDecorations(this.#unreadable, ranges(spans?.unreadable ?? []));
  }

  dispose(): void {
    for (const type of [...this.#importance, this.#stale, ...this.#selected, this.#window, this.#unreadable]) {
      type.dispose();
    }
  }
}

function graded(color: string, border: string, more: vscode.DecorationRenderOptions): vscode.TextEditorDecorationType {
  return vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor(`${color}Background`),
    borderStyle: border,
    borderWidth: "0 0 2px 0",
    borderColor: new vscode.ThemeColor(`${color}Underline`),
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    ...more,
  });
}

function underline(level: number, levels: number): string {
  const share = level / levels;
  if (share <= 1 / 3) return "dotted";
  return share <= 2 / 3 ? "dashed" : "solid";
}

function upTo(levels: number): number[] {
  return Array.from({ length: levels }, (_, index) => index + 1);
}

function toRanges(document: vscode.TextDocument): (spans: readonly Span[]) => vscode.Range[] {
  return (spans) => spans.map(([start, end]) => new vscode.Range(document.positionAt(start), document.positionAt(end)));
}
