import { Tokenizer } from "@huggingface/tokenizers";

/** The part of @huggingface/tokenizers that is used. Its own declarations do not resolve under NodeNext. */
export interface LibraryTokenizer {
  /** Token ids of a text, in order. */
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
}

/** @param file the content of a tokenizer.json */
export function libraryTokenizer(file: object): LibraryTokenizer {
  const constructor = Tokenizer as unknown as new (file: object, config: object) => LibraryTokenizer;
  return new constructor(file, {});
}
