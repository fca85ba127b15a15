import { characterRanges } from "./character-ranges.ts";
import { UserError } from "./errors.ts";
import { libraryTokenizer, type LibraryTokenizer } from "./library-tokenizer.ts";
import { segmentEnd } from "./segments.ts";
import { readTokenizerJson, type ByteLevelVocabulary } from "./tokenizer-json.ts";
import type { Encoding, Tokenizer } from "./tokenizer.ts";

/** UTF-16 units tokenized at once: long enough that cuts are rare, short enough that the merge queue stays small. */
const SEGMENT = 8192;

const REPLACEMENT = new TextEncoder().encode("\uFFFD");

/**
 * A byte-level BPE tokenizer from the text of a tokenizer.json.
 *
 * Lone surrogates (which UTF-8 cannot write) are encoded as U+FFFD; their ranges are still those of the original text.
 * Special tokens are never produced from text. Ids without a token decode to U+FFFD.
 *
 * @param source how to call the file in messages
 * @throws UserError when it is not byte-level BPE
 */
export function loadTokenizer(json: string, source: string): Tokenizer {
  const vocabulary = readTokenizerJson(json, source);
  return new BpeTokenizer(vocabulary, libraryTokenizer(vocabulary.library), source);
}

class BpeTokenizer implements Tokenizer {
  readonly vocabulary: number;
  readonly #bytes: ByteLevelVocabulary["bytes"];
  readonly #library: LibraryTokenizer;
  readonly #source: string;

  constructor(vocabulary: ByteLevelVocabulary, library: LibraryTokenizer, source: string) {
    this.vocabulary = vocabulary.size;
    this.#bytes = vocabulary.bytes;
    this.#library = library;
    this.#source = source;
  }

  encode(text: string): Encoding {
    // Replaced here and not left to the UTF-8 encoder, so that the pre-tokenizer sees what will be encoded. Lengths stay.
    const wellFormed = text.replace(/\p{Surrogate}/gu, "\uFFFD");
    const found: number[] = [];
    for (let start = 0; start < text.length;) {
      const end = segmentEnd(wellFormed, start, SEGMENT);
      for (const id of this.#library.encode(wellFormed.slice(start, end), { add_special_tokens: false }).ids) {
        found.push(id);
      }
      start = end;
    }
    const ids = Uint32Array.from(found);
    const lengths = ids.map((id) => this.byteLength(id));
    const ranges = characterRanges(wellFormed, lengths);
    if (!ranges) {
      throw new UserError(
        `${this.#source}: its pre-tokenizer drops part of this text, so tokens cannot be placed. ` +
          `Use a pattern that matches everything, or a Split that isolates.`,
      );
    }
    return { ids, ...ranges };
  }

  byteLength(id: number): number {
    return this.#bytes[id]?.length ?? 0;
  }

  decode(ids: Iterable<number>): string {
    const pieces = Array.from(ids, (id) => this.#bytes[id] ?? REPLACEMENT);
    const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    // ignoreBOM keeps a byte order mark that the document itself starts with.
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }
}
