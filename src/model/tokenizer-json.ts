import { z } from "zod";
import { addedTokenFinder, type Section } from "./added-tokens.ts";
import { BYTE_CHARACTERS, spelledBytes } from "./byte-alphabet.ts";
import { UserError } from "./errors.ts";
import { explainIssues } from "./explain.ts";
import type { BpeTables } from "./library-tokenizer.ts";
import { readNormalizer, type Normalizer } from "./normalizer.ts";
import { readPreTokenizer, type PreTokenizer } from "./pre-tokenizer.ts";

/** No real vocabulary comes near; a larger id would only make tables that nobody can hold. */
const MAX_ID = 2 ** 24;

/** What a tokenizer.json must look like for its tokens to map to bytes exactly; everything else in it is ignored. */
const addedToken = z.object({
  id: z.int().nonnegative().max(MAX_ID),
  content: z.string().min(1),
  special: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  single_word: z.boolean().default(false),
  normalized: z.boolean().optional(),
});

/** Bytes without a token: control characters that no training text held, and what UTF-8 never uses. */
const MOST_ABSENT = 64;

/** Real files hold some hundred at most. */
const MOST_ADDED = 4096;

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
  added_tokens: z.array(addedToken).max(MOST_ADDED).default([]),
  model: z.object({
    type: z.string().optional(),
    vocab: vocabulary,
    merges: z.array(merge),
    ignore_merges: z.boolean().default(false),
    dropout: z.number().nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
  }),
});

type AddedEntry = z.infer<typeof addedToken>;

export interface ByteLevelVocabulary {
  /** One more than the highest id. */
  readonly size: number;
  /** The bytes that each token stands for, by id; undefined for an id that no token has. [size] */
  readonly bytes: readonly (Uint8Array | undefined)[];
  /** What the merging of bytes needs. */
  readonly tables: BpeTables;
  /** Bytes that no token stands for, in the byte alphabet: rare control characters, in some files. */
  readonly absent: ReadonlySet<string>;
  /** What the text between added tokens goes through first. */
  readonly normalizer: Normalizer | undefined;
  /** Cuts a text into parts that are merged on their own. */
  readonly preTokenizer: PreTokenizer;
  /** Finds the tokens that are taken from the text as they are, before anything is cut. */
  readonly sections: (text: string) => Section[];
}

/**
 * Reads a tokenizer.json and makes sure that it is byte-level BPE and loses nothing: every
 * merge gives a token, nothing is normalized but composed (NFC), nothing is added in front of the text. What is accepted gives the ids of
 * Hugging Face's Rust library without special tokens; truncation, padding and post-processors are not applied.
 *
 * Special tokens are taken away from what is looked for in text, so that text which spells one is encoded as the
 * characters it is: a document about a chat template must not end the conversation. Their ids still decode.
 *
 * @throws UserError naming `source` and what is wrong
 */
export function readTokenizerJson(json: string, source: string): ByteLevelVocabulary {
  return readTokenizer(parseJson(json, source), source);
}

/** The same of what such a file holds. */
export function readTokenizer(content: unknown, source: string): ByteLevelVocabulary {
  const refuse = (why: string): never => {
    throw new UserError(`${source}: ${why}. Only byte-level BPE tokenizers (as of GPT-2) can be used.`);
  };
  const file = parseFile(content, source);
  const { model } = file;
  if (model.type !== undefined && model.type !== "BPE") refuse(`the model is ${shown(model.type)}`);
  if (model.continuing_subword_prefix || model.end_of_word_suffix) refuse("its tokens carry a prefix or suffix");
  if (model.dropout) refuse(`it drops merges at random (dropout ${model.dropout})`);
  const normalizer = readNormalizer(file.normalizer, (part) =>
    refuse(`normalizer ${kindOf(part)} is not supported: it changes the text, so tokens would not map to it`),
  );
  const inNormalized = file.added_tokens.find(({ special, normalized }) => !special && normalized !== false);
  if (normalizer !== undefined && inNormalized !== undefined) {
    refuse(`added token ${shown(inNormalized.content)} is matched in the normalized text`);
  }
  const preTokenizer = readPreTokenizer(file.pre_tokenizer, refuse);

  const added = addedByContent(file.added_tokens, refuse);
  const reachable = new Set(BYTE_CHARACTERS);
  for (const [left, right] of model.merges) {
    if (!Object.hasOwn(model.vocab, left + right)) {
      refuse(`the vocabulary lacks ${shown(left + right)}, the result of a merge`);
    }
    reachable.add(left + right);
  }
  const absent = BYTE_CHARACTERS.filter((character) => !Object.hasOwn(model.vocab, character));
  if (absent.length > MOST_ABSENT) refuse(`the vocabulary lacks ${absent.length} of the 256 bytes`);

  const bytes: (Uint8Array | undefined)[] = [];
  const put = (token: string, id: number, value: Uint8Array): void => {
    if (bytes[id] !== undefined) refuse(`token ${shown(token)} has id ${id}, which another token has too`);
    bytes[id] = value;
  };
  const encoder = new TextEncoder();
  const ordinary: [string, number][] = [];
  for (const [token, id] of Object.entries(model.vocab)) {
    const asAdded = added.get(token);
    if (asAdded && asAdded.id !== id) refuse(`token ${shown(token)} has the ids ${id} and ${asAdded.id}`);
    // An added token spells itself in plain text, unless the merges make it too: then it is an ordinary token.
    if (asAdded && !reachable.has(token)) continue;
    const spelled = spelledBytes(token) ?? refuse(`token ${shown(token)} is not written in the byte alphabet`);
    if (asAdded && Buffer.compare(spelled, encoder.encode(token)) !== 0) {
      refuse(`added token ${shown(token)} spells other bytes as a result of merges`);
    }
    put(token, id, spelled);
    ordinary.push([token, id]);
  }
  checkAddedIds(file.added_tokens, model.vocab, refuse);
  for (const { content, id } of added.values()) {
    if (!reachable.has(content)) put(content, id, encoder.encode(content));
  }

  return {
    size: bytes.length,
    bytes,
    tables: { vocab: Object.fromEntries(ordinary), merges: model.merges, ignore_merges: model.ignore_merges },
    absent: new Set(absent),
    normalizer,
    preTokenizer,
    sections: addedTokenFinder(
      [...added.values()]
        .filter(({ special }) => !special)
        .map(({ id, content, normalized }) => ({ id, content, normalized: normalized ?? true })),
    ),
  };
}

function addedByContent(tokens: readonly AddedEntry[], refuse: (why: string) => never): Map<string, AddedEntry> {
  const added = new Map<string, AddedEntry>();
  for (const token of tokens) {
    if (added.has(token.content)) refuse(`added token ${shown(token.content)} is listed twice`);
    added.set(token.content, token);
    if (token.special) continue;
    if (token.lstrip || token.rstrip) refuse(`added token ${shown(token.content)} swallows the spaces beside it`);
    if (token.single_word) refuse(`added token ${shown(token.content)} is matched as a whole word only (single_word)`);
  }
  return added;
}

/**
 * Hugging Face's library numbers added tokens that the vocabulary lacks itself, one after the other, whatever the file says.
 * Where a token that text can bring has another id in the file, the two would not agree.
 */
function checkAddedIds(tokens: readonly AddedEntry[], vocab: object, refuse: (why: string) => never): void {
  const size = Object.keys(vocab).length;
  let highest = -1;
  for (const { content, id, special } of tokens) {
    const given = Object.hasOwn(vocab, content) ? id : Math.max(size, highest + 1);
    if (!special && given !== id) {
      refuse(`added token ${shown(content)} has id ${id}, and Hugging Face's library gives it ${given}`);
    }
    highest = Math.max(highest, given);
  }
}

/** A token of the file as messages show it. */
function shown(token: string): string {
  return JSON.stringify(token.length > 40 ? `${token.slice(0, 40)}...` : token);
}

function kindOf(part: unknown): string {
  const { success, data } = z.object({ type: z.string() }).safeParse(part);
  return success ? shown(data.type) : "without a type";
}

function parseJson(json: string, source: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UserError(`${source} is not JSON: ${(error as Error).message}. Copy the tokenizer.json again.`);
  }
}

function parseFile(content: unknown, source: string): z.infer<typeof fileSchema> {
  const parsed = fileSchema.safeParse(content);
  if (!parsed.success) {
    throw new UserError(`${source} is not a byte-level BPE tokenizer.json: ${explainIssues(parsed.error)}.`);
  }
  return parsed.data;
}
