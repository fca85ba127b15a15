import * as vscode from "vscode";
import type { LineMap } from "../model/line-ends.ts";
import { Emitter } from "./emitter.ts";
import { sha256 } from "./hash.ts";
import { TrackedText } from "./highlights/edits.ts";
import type { Span } from "./highlights/ranges.ts";

/** Where a profiled text came from. */
export interface Origin {
  readonly uri: string;
  /** UTF-16 offset of the text in its document. */
  readonly base: number;
  /** The whole document was profiled, not a part of it. */
  readonly whole: boolean;
  readonly length: number;
  readonly sha256: string;
}

/** The document has the profiled text; it was edited since; it is not open. */
export type Place = "current" | "edited" | "closed";

/** Edits are gathered for so long before anything is drawn anew: VS Code itself moves what is drawn meanwhile. */
const GATHER_MS = 60;

/** Quiet time after the last edit before the text is compared with the profiled one. */
const QUIET_MS = 300;

/**
 * Follows the document of a profiled text through edits, undo, closing and opening. Never guesses: what it cannot follow
 * (a replaced document, other line ends) is lost until the text has the profiled hash again.
 */
export class DocumentLink implements vscode.Disposable {
  readonly #changed = new Emitter();
  /** Told when the place changed, or an edit touched or moved the text. */
  readonly onDidChange = this.#changed.on;
  #origin: Origin;
  /** From the editor's text to the profiled one, where these differ in their line ends. */
  readonly #lines: LineMap | undefined;
  readonly #tracked: TrackedText;
  readonly #endings: vscode.Disposable[] = [];
  #touches = 0;
  #document: vscode.TextDocument | undefined;
  #eol: vscode.EndOfLine | undefined;
  /** Length that the document must have if all its edits were seen. */
  #length = 0;
  #gathering: NodeJS.Timeout | undefined;
  #quiet: NodeJS.Timeout | undefined;

  /**
   * @param document the open document, known to have the profiled text at `origin` now
   * @param lines where the profiled text has other line ends than the editor's, which `origin` then describes
   */
  constructor(origin: Origin, document?: vscode.TextDocument, lines?: LineMap) {
    this.#origin = origin;
    this.#lines = lines;
    this.#tracked = new TrackedText(origin.length, origin.base);
    if (document) this.#watch(document);
    else this.#lookFor(vscode.workspace.textDocuments);
    this.#endings.push(
      vscode.workspace.onDidChangeTextDocument((event) => this.#onEdit(event)),
      vscode.workspace.onDidOpenTextDocument((opened) => this.#lookFor([opened])),
      vscode.workspace.onDidCloseTextDocument((closed) => this.#onClose(closed)),
    );
  }

  get origin(): Origin {
    return this.#origin;
  }

  get place(): Place {
    if (!this.#document) return "closed";
    // Text before or behind a document that was profiled as a whole makes it another document.
    const same = this.#tracked.intact && (!this.#origin.whole || this.#length === this.#origin.length);
    return same ? "current" : "edited";
  }

  /** Goes up whenever a part of the text was lost or found: until then, drawn ranges only move, and VS Code moves them. */
  get touches(): number {
    return this.#touches;
  }

  get document(): vscode.TextDocument | undefined {
    return this.#document;
  }

  /** The profiled text, where the document has it. */
  get text(): string | undefined {
    const { base } = this.#tracked;
    if (this.place !== "current" || base === undefined) return undefined;
    const text = this.#document?.getText().slice(base, base + this.#origin.length);
    return text === undefined ? undefined : (this.#lines?.restore(text) ?? text);
  }

  readonly toDocument = (start: number, end: number): Span | undefined => {
    if (!this.#document) return undefined;
    const lines = this.#lines;
    return lines
      ? this.#tracked.toDocument(lines.toOther(start), lines.toOther(end))
      : this.#tracked.toDocument(start, end);
  };

  toProfiled(offset: number): number | undefined {
    const found = this.#document ? this.#tracked.toProfiled(offset) : undefined;
    return found === undefined ? undefined : (this.#lines?.toOriginal(found) ?? found);
  }

  dispose(): void {
    clearTimeout(this.#gathering);
    clearTimeout(this.#quiet);
    for (const ending of this.#endings) ending.dispose();
    this.#changed.dispose();
  }

  #watch(document: vscode.TextDocument): void {
    this.#document = document;
    this.#eol = document.eol;
    this.#length = lengthOf(document);
  }

  /** Takes up the document when it is opened (again), and an unsaved one when it was saved under a name. */
  #lookFor(documents: readonly vscode.TextDocument[]): void {
    if (this.#document) return;
    const own = documents.find((document) => document.uri.toString() === this.#origin.uri);
    const found = own ?? documents.find((document) => this.#isCopy(document));
    if (!found) return;
    this.#origin = { ...this.#origin, uri: found.uri.toString() };
    this.#watch(found);
    this.#lose();
    this.#compare();
    this.#changed.fire();
  }

  /** Another name for the same whole text, as when an untitled document was saved. */
  #isCopy(document: vscode.TextDocument): boolean {
    const { uri, whole, length, sha256: wanted } = this.#origin;
    if (!whole || !uri.startsWith("untitled:") || document.uri.scheme === "untitled") return false;
    return lengthOf(document) === length && sha256(document.getText()) === wanted;
  }

  #onClose(closed: vscode.TextDocument): void {
    if (closed !== this.#document) return;
    this.#document = undefined;
    clearTimeout(this.#gathering);
    clearTimeout(this.#quiet);
    this.#gathering = undefined;
    this.#lookFor(vscode.workspace.textDocuments.filter((document) => document !== closed));
    this.#changed.fire();
  }

  #onEdit({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (document !== this.#document) return;
    // Saving is told as a change without changes.
    if (contentChanges.length === 0 && document.eol === this.#eol) return;
    const edits = contentChanges.map(({ rangeOffset, rangeLength, text }) => ({
      offset: rangeOffset,
      removed: rangeLength,
      inserted: text.length,
    }));
    for (const { removed, inserted } of edits) this.#length += inserted - removed;
    if (this.#tracked.apply(edits)) this.#touches++;
    this.#gathering ??= setTimeout(() => this.#settle(), GATHER_MS);
    clearTimeout(this.#quiet);
    if (!this.#tracked.intact) this.#compareLater();
  }

  #settle(): void {
    this.#gathering = undefined;
    if (!this.#document) return;
    const length = lengthOf(this.#document);
    // Line ends were changed, or something was missed: no position can be believed.
    if (length !== this.#length || this.#document.eol !== this.#eol) {
      this.#lose();
      this.#watch(this.#document);
      this.#compareLater();
    }
    this.#changed.fire();
  }

  #compareLater(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      if (this.#document && !this.#tracked.intact && this.#compare()) this.#changed.fire();
    }, QUIET_MS);
  }

  /** Looks whether the profiled text is back, as after an undo. */
  #compare(): boolean {
    if (!this.#document) return false;
    const { base, whole, length, sha256: wanted } = this.#origin;
    if (whole && this.#length !== length) return false;
    const text = this.#document.getText();
    const places = new Set([base, this.#tracked.base ?? base]);
    for (const place of places) {
      if (place < 0 || place + length > text.length) continue;
      if (sha256(text.slice(place, place + length)) !== wanted) continue;
      this.#tracked.restore(place);
      this.#touches++;
      return true;
    }
    return false;
  }

  #lose(): void {
    this.#tracked.lose();
    this.#touches++;
  }
}

/** Characters of a document, without putting its text together. */
export function lengthOf(document: vscode.TextDocument): number {
  return document.offsetAt(document.lineAt(document.lineCount - 1).range.end);
}
