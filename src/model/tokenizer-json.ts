import { z } from "zod";
import { BYTE_CHARACTERS, spelledBytes } from "./byte-alphabet.ts";
import { UserError } from "./errors.ts";
import { explainIssues } from "./explain.ts";

/** No real vocabulary comes near; a larger id would only make tables that nobody can hold. */
const MAX_ID = 2 ** 24;

/** What a tokenizer.json must look like for its tokens to map to bytes exactly; everything else in it is ignored. */
const addedToken = z.object({
  id: z.int().nonnegative().max(MAX_ID),
  content: z.string().min(1),
  special: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
});

// Not z.record: it drops the key "__proto__", which is an ordinary token to a model that has read JavaScript.
const vocabulary = z.custom<Record<string, number>>(
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((id) => typeof id === "number" && Number.isInteger(id) && id >= 0 && id <= MAX_ID),
  "expected an object from token to id",
);

const merge = z.union([
  z.tuple([z.string(), z.string()]),
  z.string().transform((pair, context): [string, string] => {
    const [left, right, ...rest] = pair.split(" ");
    if (left && right && rest.length === 0) return [left, right];
    context.addIssue({ code: "custom", message: `"${pair}" is not a pair of tokens` });
    return z.NEVER;
  }),
]);

const fileSchema = z.object({
  normalizer: z.unknown().optional(),
  pre_tokenizer: z.unknown().optional(),
  added_tokens: z.array(addedToken).default([]),
  model: z.object({
    type: z.string().optional(),
    vocab: vocabulary,
    merges: z.array(merge),
    ignore_merges: z.boolean().default(false),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
  }),
});

const partSchema = z.object({
  type: z.string(),
  add_prefix_space: z.boolean().optional(),
  behavior: z.string().optional(),
  invert: z.boolean().optional(),
  pretokenizers: z.array(z.unknown()).optional(),
});

export interface ByteLevelVocabulary {
  /** One more than the highest id. */
  readonly size: number;
  /** The bytes that each token stands for, by id; undefined for an id that no token has. [size] */
  readonly bytes: readonly (Uint8Array | undefined)[];
  /** The file's content for the tokenizing library, without anything that would not map to bytes exactly. */
  readonly library: object;
}

/**
 * Reads a tokenizer.json and makes sure that it is byte-level BPE and loses nothing: all 256 bytes are tokens, every
 * merge gives a token, nothing is normalized, nothing is added in front of the text.
 *
 * Special tokens are taken away from what the library sees, so that text which spells one is encoded as the characters
 * it is: a document about a chat template must not end the conversation. Their ids still decode.
 *
 * @throws UserError naming `source` and what is wrong
 */
export function readTokenizerJson(json: string, source: string): ByteLevelVocabulary {
  const refuse = (why: string): never => {
    throw new UserError(`${source}: ${why}. Only byte-level BPE tokenizers (as of GPT-2) can be used.`);
  };
  const file = parseFile(json, source);
  const { model } = file;
  if (model.type !== undefined && model.type !== "BPE") refuse(`the model is ${model.type}`);
  if (model.continuing_subword_prefix || model.end_of_word_suffix) refuse("its tokens carry a prefix or suffix");
  if (file.normalizer) refuse("it normalizes the text, so tokens would not map to the document's own characters");
  checkPreTokenizer(file.pre_tokenizer, refuse);

  const added = new Map(file.added_tokens.map((token) => [token.content, token]));
  const reachable = new Set(BYTE_CHARACTERS);
  for (const [left, right] of model.merges) reachable.add(left + right);
  for (const token of reachable) {
    if (!Object.hasOwn(model.vocab, token)) refuse(`the vocabulary lacks "${token}", a byte or the result of a merge`);
  }

  const bytes: (Uint8Array | undefined)[] = [];
  const put = (token: string, id: number, value: Uint8Array): void => {
    if (bytes[id] !== undefined) refuse(`token "${token}" has id ${id}, which another token has too`);
    bytes[id] = value;
  };
  const ordinary: [string, number][] = [];
  for (const [token, id] of Object.entries(model.vocab)) {
    const asAdded = added.get(token);
    if (asAdded && asAdded.id !== id) refuse(`token "${token}" has the ids ${id} and ${asAdded.id}`);
    // An added token spells itself in plain text, unless the merges make it too: then it is an ordinary token.
    if (asAdded && !reachable.has(token)) continue;
    put(token, id, spelledBytes(token) ?? refuse(`token "${token}" is not written in the byte alphabet`));
    added.delete(token);
    ordinary.push([token, id]);
  }
  const encoder = new TextEncoder();
  for (const token of added.values()) put(token.content, token.id, encoder.encode(token.content));
  const fromText = [...added.values()].filter((token) => !token.special);
  const stripping = fromText.find((token) => token.lstrip || token.rstrip);
  if (stripping) refuse(`added token "${stripping.content}" swallows the spaces beside it`);

  return {
    size: bytes.length,
    bytes,
    library: {
      added_tokens: fromText.map((token) => ({ ...token, normalized: false })),
      normalizer: null,
      pre_tokenizer: file.pre_tokenizer,
      post_processor: null,
      decoder: { type: "ByteLevel" },
      model: {
        type: "BPE",
        vocab: Object.fromEntries(ordinary),
        merges: model.merges,
        ignore_merges: model.ignore_merges,
      },
    },
  };
}

function parseFile(json: string, source: string): z.infer<typeof fileSchema> {
  let raw: unknown;
  try {
    raw = JSON.parse(json);
  } catch (error) {
    throw new UserError(`${source} is not JSON: ${(error as Error).message}. Copy the tokenizer.json again.`);
  }
  const parsed = fileSchema.safeParse(raw);
  if (!parsed.success) {
    throw new UserError(`${source} is not a byte-level BPE tokenizer.json: ${explainIssues(parsed.error)}.`);
  }
  return parsed.data;
}

/**
 * Refuses pre-tokenizers that drop or add characters, or whose options the library does not implement. The last part
 * must be ByteLevel: it is what turns characters into the byte alphabet.
 */
function checkPreTokenizer(raw: unknown, refuse: (why: string) => never): void {
  const outer = partSchema.safeParse(raw);
  if (!outer.success) return refuse("it has no ByteLevel pre-tokenizer");
  const parts = outer.data.type === "Sequence" ? (outer.data.pretokenizers ?? []) : [raw];
  const checked = parts.map((part) => {
    const { success, data } = partSchema.safeParse(part);
    return success ? data : refuse("a part of its pre-tokenizer has no type");
  });
  if (checked.at(-1)?.type !== "ByteLevel") refuse("its pre-tokenizer does not end with ByteLevel");
  for (const part of checked) {
    if (part.add_prefix_space) refuse("it puts a space in front of the text (add_prefix_space)");
    if (!["ByteLevel", "Split", "Digits", "Punctuation"].includes(part.type))
      refuse(`it pre-tokenizes by ${part.type}`);
    // Behaviours that join a delimiter to its neighbour are not implemented by the library; Removed is lossless only
    // when what does not match is removed and everything matches, which `encode` checks on every text.
    const lossless = part.behavior === "Isolated" || (part.behavior === "Removed" && part.invert);
    if (part.type === "Split" && !lossless) refuse(`it splits with the behaviour ${String(part.behavior)}`);
  }
}
