import * as vscode from "vscode";
import type { Cursor } from "../../protocol/panel.ts";
import { Emitter, type Ending } from "../emitter.ts";
import { canFollow, type Subject, type ReportView } from "../report-view.ts";
import { Decorations } from "./decorations.ts";
import { follow } from "./follow.ts";
import { Frame } from "./frame.ts";
import { importanceSpans } from "./ranges.ts";

/** What an editor shows, so that nothing is sent twice. */
interface Shown {
  readonly link: Subject["link"];
  readonly importance: Subject["report"]["importance"];
  readonly mode: "importance" | "cursor";
  readonly touches: number;
  readonly stale: boolean;
  readonly ranges: number;
}

/**
 * Shows a report in its document: importance, or what the token at the cursor reads. Draws anew only when what is shown
 * changed; mere moves of text are left to VS Code.
 */
export class Highlighter implements vscode.Disposable {
  readonly #changed = new Emitter();
  /** Told when highlights were switched, or the cursor stands on another token. */
  readonly onDidChange = this.#changed.on;
  readonly #cursorMoved = new Emitter();
  readonly onDidMoveCursor = this.#cursorMoved.on;
  #decorations: Decorations | undefined;
  readonly #frame = new Frame<vscode.TextEditor>((editor, since) => this.#showCursor(editor, since));
  readonly #endings: vscode.Disposable[];
  readonly #shown = new Map<vscode.TextEditor, Shown>();
  #view: ReportView;
  #watching: Ending[];
  #on = false;
  #follows = false;
  #cursor: Cursor | undefined;
  #lastUpdateMs: number | undefined;

  constructor(view: ReportView) {
    this.#view = view;
    this.#watching = this.#watch(view);
    this.#endings = [
      vscode.window.onDidChangeVisibleTextEditors(() => this.#draw()),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
        if (this.#follows && this.#isOurs(textEditor)) this.#frame.ask(textEditor);
      }),
      vscode.window.onDidChangeActiveTextEditor((editor) => {
        if (this.#follows && editor && this.#isOurs(editor)) this.#frame.ask(editor);
      }),
    ];
  }

  /** The view whose report is shown in the text. */
  get view(): ReportView {
    return this.#view;
  }

  get on(): boolean {
    return this.#on;
  }

  get follows(): boolean {
    return this.#follows;
  }

  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /** Milliseconds from the last cursor move to its decorations being handed to VS Code. */
  get lastUpdateMs(): number | undefined {
    return this.#lastUpdateMs;
  }

  /** The shown document was edited since it was profiled. */
  get stale(): boolean {
    return this.#on && this.#view.subject?.link?.place === "edited";
  }

  /** Ranges that are shown in the editors of a document. */
  ranges(uri: string): number {
    return Math.max(
      0,
      ...[...this.#shown].map(([editor, { ranges }]) => (editor.document.uri.toString() === uri ? ranges : 0)),
    );
  }

  /** Shows `view`'s report instead, or switches highlights and following. */
  set(wanted: { readonly view?: ReportView; readonly on?: boolean; readonly follow?: boolean }): void {
    if (wanted.view && wanted.view !== this.#view) {
      for (const ending of this.#watching) ending.dispose();
      this.#view = wanted.view;
      this.#watching = this.#watch(wanted.view);
    }
    this.#on = wanted.on ?? this.#on;
    this.#follows = wanted.follow ?? this.#follows;
    if (!this.#follows) this.#cursor = undefined;
    this.#draw();
    this.#changed.fire();
  }

  dispose(): void {
    this.#frame.dispose();
    for (const ending of [...this.#watching, ...this.#endings]) ending.dispose();
    this.#decorations?.dispose();
    this.#changed.dispose();
    this.#cursorMoved.dispose();
  }

  #watch(view: ReportView): Ending[] {
    return [view.onDidChange(() => this.#draw()), view.onDidMove(() => this.#draw())];
  }

  #isOurs(editor: vscode.TextEditor): boolean {
    return editor.document === this.#view.subject?.link?.document;
  }

  #draw(): void {
    const { subject } = this.#view;
    if (this.#follows && !canFollow(subject)) this.#stopFollowing();
    const something = this.#follows || subject?.report.importance !== undefined;
    const visible = vscode.window.visibleTextEditors;
    // An editor that comes back is another object, without decorations.
    for (const editor of this.#shown.keys()) if (!visible.includes(editor)) this.#shown.delete(editor);
    for (const editor of visible) {
      if (this.#on && subject && something && this.#isOurs(editor)) this.#drawIn(editor, subject);
      else this.#clear(editor);
    }
  }

  #drawIn(editor: vscode.TextEditor, subject: Subject): void {
    const mode = this.#follows ? "cursor" : "importance";
    const touches = subject.link?.touches ?? 0;
    const stale = subject.link?.place !== "current";
    const before = this.#shown.get(editor);
    // A report that grows keeps what it found: nothing is drawn anew for figures.
    const { importance } = subject.report;
    const same =
      before !== undefined && before.link === subject.link && before.importance === importance && before.mode === mode;
    if (same && before.touches === touches && before.stale === stale) return;
    const of = { link: subject.link, importance, mode, touches, stale } as const;
    if (before && before.mode !== mode) this.#clear(editor);
    this.#decorations ??= new Decorations();
    if (mode === "cursor") {
      this.#shown.set(editor, { ...of, ranges: same ? before.ranges : 0 });
      this.#frame.ask(editor);
      return;
    }
    const toDocument = subject.link?.toDocument;
    const levels = toDocument ? importanceSpans(importance?.ranges ?? [], toDocument) : [];
    this.#decorations.showImportance(editor, levels, stale);
    this.#shown.set(editor, { ...of, ranges: levels.flat().length });
  }

  #clear(editor: vscode.TextEditor): void {
    if (!this.#shown.delete(editor)) return;
    this.#decorations?.showImportance(editor, [], false);
    this.#decorations?.showCursor(editor, undefined);
  }

  #showCursor(editor: vscode.TextEditor, since: number): void {
    const { subject } = this.#view;
    const shown = this.#shown.get(editor);
    if (!subject || shown?.mode !== "cursor" || !this.#isOurs(editor)) return;
    const found = follow(subject, editor.document, editor.document.offsetAt(editor.selection.active));
    this.#decorations?.showCursor(editor, found?.spans);
    const { selected = [], window = [], unreadable = [] } = found?.spans ?? {};
    this.#shown.set(editor, { ...shown, ranges: selected.flat().length + window.length + unreadable.length });
    this.#cursor = found?.cursor;
    this.#lastUpdateMs = performance.now() - since;
    this.#cursorMoved.fire();
  }

  #stopFollowing(): void {
    this.#follows = false;
    this.#cursor = undefined;
    this.#changed.fire();
  }
}
