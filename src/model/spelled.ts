import { characterRanges } from "./character-ranges.ts";
import type { Normalized } from "./normalizer.ts";

/** The text that tokens spell, put together piece by piece, and the text that it came from. */
export class Spelled {
  readonly #pieces: Normalized[] = [];
  readonly #lengths: number[] = [];

  /** @param original what `piece` was before it was normalized */
  add(piece: Normalized, original: string): void {
    this.#pieces.push(piece);
    this.#lengths.push(original.length);
  }

  /**
   * The characters of the original that each token came from; a token that begins or ends inside characters that were
   * composed is widened to all of them.
   * @param lengths bytes of each token, in order [tokens]
   * @returns undefined when the tokens' bytes are not as many as the text's
   */
  ranges(lengths: Uint32Array): { starts: Uint32Array; ends: Uint32Array } | undefined {
    const ranges = characterRanges(this.#pieces.map(({ text }) => text).join(""), lengths);
    if (ranges === undefined || this.#pieces.every(({ origin }) => origin === undefined)) return ranges;
    const starts: number[] = [];
    const ends: number[] = [];
    let at = 0;
    this.#pieces.forEach(({ text, origin }, piece) => {
      for (let i = 0; i < text.length; i++) {
        starts.push(at + (origin?.starts[i] ?? i));
        ends.push(at + (origin?.ends[i] ?? i + 1));
      }
      at += this.#lengths[piece]!;
    });
    return { starts: ranges.starts.map((unit) => starts[unit]!), ends: ranges.ends.map((unit) => ends[unit - 1]!) };
  }
}
