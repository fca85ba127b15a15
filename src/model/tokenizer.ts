/** Token ids of a text and, for each, the characters it came from (UTF-16 code units, as editors count). */
export interface Encoding {
  readonly ids: Uint32Array;
  /** Start of each token in the text; a token that begins inside a character starts at that character. [tokens] */
  readonly starts: Uint32Array;
  /** End (exclusive) of each token; a token that ends inside a character ends after that character. [tokens] */
  readonly ends: Uint32Array;
}

/** A byte-level BPE tokenizer. Lossless on well-formed text; lone surrogates are encoded as U+FFFD. */
export interface Tokenizer {
  /** One more than the highest id. */
  readonly vocabulary: number;
  /** Text that spells a special token is encoded as ordinary text. */
  encode(text: string): Encoding;
  /** The same in short steps, so that a process that must answer meanwhile can: see in-steps.ts. */
  encodeInSteps(text: string): Generator<undefined, Encoding>;
  /** Bytes that are not UTF-8 (half a character) and ids without a token become U+FFFD. */
  decode(ids: Iterable<number>): string;
  /** UTF-8 bytes that a token stands for, in a text of whole or half characters; 0 for ids without a token. */
  byteLength(id: number): number;
}
