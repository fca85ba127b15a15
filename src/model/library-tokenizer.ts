import * as library from "@huggingface/tokenizers";

/** What the merging of bytes needs of a tokenizer.json. */
export interface BpeTables {
  readonly vocab: Readonly<Record<string, number>>;
  /** Most important first. */
  readonly merges: readonly (readonly [string, string])[];
  /** A part that is a token as a whole is that token, whatever the merges say. */
  readonly ignore_merges: boolean;
}

/** The part of @huggingface/tokenizers that is used. Its own declarations do not resolve under NodeNext. */
interface LibraryModel {
  encode(parts: readonly string[]): string[];
}

/** Byte-pair encoding of one part in the byte alphabet: its tokens' ids, in order. */
export function bytePairEncoder(tables: BpeTables): (part: string) => number[] {
  const { BPE } = library as unknown as { BPE: new (config: object) => LibraryModel };
  const model = new BPE(tables);
  const ids = new Map(Object.entries(tables.vocab));
  return (part) => model.encode([part]).map((token) => ids.get(token) ?? absent(token));
}

function absent(token: string): never {
  throw new Error(`token ${JSON.stringify(token)} was checked to be in the vocabulary`);
}
