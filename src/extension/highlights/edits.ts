/** One replacement in a document: `removed` characters at `offset` gave way to `inserted` ones. UTF-16 code units. */
export interface TextEdit {
  readonly offset: number;
  readonly removed: number;
  readonly inserted: number;
}

/** A run of the profiled text that is still in the document, unchanged; `profiled` and `current` are its two starts. */
interface Piece {
  readonly profiled: number;
  readonly current: number;
  readonly length: number;
}

/**
 * Where the profiled text is in a document that is being edited. The text starts as one piece; an edit cuts out what it
 * touches and moves what is behind it. A range of the profiled text is in the document exactly while it lies within one
 * piece: a position is never guessed.
 */
export class TrackedText {
  /** Length of the profiled text. */
  readonly length: number;
  #pieces: Piece[];

  /** @param base where the profiled text starts in the document */
  constructor(length: number, base: number) {
    this.length = length;
    this.#pieces = whole(length, base);
  }

  /** The profiled text is in the document as it was. */
  get intact(): boolean {
    return this.#pieces.length === 1 && this.#pieces[0]!.length === this.length;
  }

  /** Where the whole text would start, judged by what is left of it; undefined when nothing is. */
  get base(): number | undefined {
    const [first] = this.#pieces;
    return first && first.current - first.profiled;
  }

  /**
   * Follows one change of the document. `edits` as editors report them: not overlapping, from the end of the document to
   * its start, all in positions before the change.
   * @returns whether the profiled text itself was touched
   */
  apply(edits: readonly TextEdit[]): boolean {
    const ordered = edits.filter(({ removed, inserted }) => removed > 0 || inserted > 0);
    ordered.sort((a, b) => a.offset - b.offset);
    const before = this.#pieces;
    const kept: Piece[] = [];
    let next = 0;
    let shift = 0;
    for (const piece of this.#pieces) {
      const end = piece.current + piece.length;
      let at = piece.current;
      // Edits that end before this piece only move it.
      for (; next < ordered.length && endOf(ordered[next]!) <= at; next++) shift += growth(ordered[next]!);
      for (; next < ordered.length && ordered[next]!.offset < end; next++) {
        const edit = ordered[next]!;
        if (edit.offset > at) keep(kept, part(piece, at, edit.offset, shift));
        at = Math.min(Math.max(at, endOf(edit)), end);
        // An edit that reaches beyond this piece is met again by the next one.
        if (endOf(edit) > end) break;
        shift += growth(edit);
      }
      if (at < end) keep(kept, part(piece, at, end, shift));
    }
    this.#pieces = kept;
    return kept.length !== before.length || kept.some((piece, i) => !isSame(piece, before[i]!));
  }

  /** Nothing is known of the text any more: its document was replaced, or its line ends were. */
  lose(): void {
    this.#pieces = [];
  }

  /** The whole text was found again, starting at `base`. */
  restore(base: number): void {
    this.#pieces = whole(this.length, base);
  }

  /** A range of the profiled text in the document as it is now; undefined where an edit touched it. */
  toDocument(start: number, end: number): readonly [start: number, end: number] | undefined {
    const piece = this.#last((candidate) => candidate.profiled <= start);
    if (!piece || end > piece.profiled + piece.length) return undefined;
    const shift = piece.current - piece.profiled;
    return [start + shift, end + shift];
  }

  /** A place of the document in the profiled text; the text's end belongs to it. Undefined where it does not come from it. */
  toProfiled(offset: number): number | undefined {
    const piece = this.#last((candidate) => candidate.current <= offset);
    if (!piece) return undefined;
    const profiled = offset - piece.current + piece.profiled;
    if (profiled < piece.profiled + piece.length || profiled === this.length) return profiled;
    return undefined;
  }

  /** The last piece for which `before` holds; it holds for a beginning of the list. */
  #last(before: (piece: Piece) => boolean): Piece | undefined {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (before(this.#pieces[middle]!)) low = middle + 1;
      else high = middle;
    }
    return this.#pieces[low - 1];
  }
}

function whole(length: number, base: number): Piece[] {
  return length > 0 ? [{ profiled: 0, current: base, length }] : [];
}

/** Appends a piece; two that have come together again, as when typed text is deleted, become one. */
function keep(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  const joins = last && last.profiled + last.length === piece.profiled && last.current + last.length === piece.current;
  if (joins) pieces[pieces.length - 1] = { ...last, length: last.length + piece.length };
  else pieces.push(piece);
}

/** The same part of the profiled text, wherever it is now. */
function isSame(a: Piece, b: Piece): boolean {
  return a.profiled === b.profiled && a.length === b.length;
}

function endOf(edit: TextEdit): number {
  return edit.offset + edit.removed;
}

function growth(edit: TextEdit): number {
  return edit.inserted - edit.removed;
}

/** The part of `piece` between two places of the document before the change, moved by `shift`. */
function part(piece: Piece, from: number, to: number, shift: number): Piece {
  return { profiled: piece.profiled + from - piece.current, current: from + shift, length: to - from };
}
