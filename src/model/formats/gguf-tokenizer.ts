import { tokenizerOf } from "../bpe.ts";
import { UserError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { Metadata } from "./gguf-header.ts";

/** Kinds of tokens that are no ordinary ones: what chat templates use, what users added, and fillers. */
const CONTROL = 3;
const USER_DEFINED = 4;
const UNUSED = 5;

interface Split {
  /** The pre-tokenizer before ByteLevel, as tokenizer.json has it. */
  readonly parts: readonly object[];
  /** Whether ByteLevel itself splits, by GPT-2's pattern. */
  readonly useRegex: boolean;
  readonly ignoreMerges?: true;
  readonly normalizer?: object;
}

const WORDS = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+`;
const REST = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

function by(pattern: string): readonly object[] {
  return [{ type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false }];
}

const LLAMA3: Split = { parts: by(`${WORDS}|\\p{N}{1,3}|${REST}`), useRegex: false, ignoreMerges: true };

/** How a file's text is split, by the name that it gives (tokenizer.ggml.pre): as the tokenizer.json of those models says. */
const SPLITS: Readonly<Record<string, Split>> = {
  "gpt-2": { parts: [], useRegex: true },
  "llama-bpe": LLAMA3,
  llama3: LLAMA3,
  "llama-v3": LLAMA3,
  qwen2: { parts: by(`${WORDS}|\\p{N}|${REST}`), useRegex: false, normalizer: { type: "NFC" } },
  smollm: { parts: [{ type: "Digits", individual_digits: true }], useRegex: true },
  tekken: {
    parts: by(
      String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+` +
        String.raw`|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*` +
        String.raw`|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    ),
    useRegex: false,
    ignoreMerges: true,
  },
};

/**
 * The tokenizer that lies in a GGUF file's metadata.
 * @throws UserError for one that is not byte-level BPE, or splits text in a way that is not known
 */
export function tokenizerOfGguf(metadata: ReadonlyMap<string, Metadata>, source: string): Tokenizer {
  const refuse = (why: string): never => {
    throw new UserError(`${source}: ${why}`);
  };
  const text = (key: string): string => {
    const value = metadata.get(key);
    return typeof value === "string" ? value : refuse(`its tokenizer has no ${key}. Convert the model again.`);
  };
  const list = (key: string): readonly Metadata[] => {
    const value = metadata.get(key);
    return value instanceof Array ? value : refuse(`its tokenizer has no ${key}. Convert the model again.`);
  };
  const kind = text("tokenizer.ggml.model");
  if (kind !== "gpt2") {
    refuse(
      `its tokenizer is of the kind ${JSON.stringify(kind.slice(0, 40))}, and only byte-level BPE ("gpt2") can be used: ` +
        "others change the text before they cut it.",
    );
  }
  const pre = text("tokenizer.ggml.pre");
  const split = Object.hasOwn(SPLITS, pre) ? SPLITS[pre] : undefined;
  if (split === undefined) {
    return refuse(
      `its tokenizer splits text as ${JSON.stringify(pre.slice(0, 40))}, which is not known; ${Object.keys(SPLITS).join(", ")} ` +
        "are. Use the model's Hugging Face folder, whose tokenizer.json says how.",
    );
  }
  const tokens = list("tokenizer.ggml.tokens");
  const kinds = list("tokenizer.ggml.token_type");
  if (kinds.length !== tokens.length) {
    refuse(`it has ${tokens.length} tokens and the kinds of ${kinds.length}. Convert the model again.`);
  }
  const vocab: [string, number][] = [];
  const added: object[] = [];
  tokens.forEach((token, id) => {
    if (kinds[id] === UNUSED) return;
    const content = String(token);
    vocab.push([content, id]);
    if (kinds[id] !== CONTROL && kinds[id] !== USER_DEFINED) return;
    added.push({ id, content, special: kinds[id] === CONTROL, normalized: false });
  });
  return tokenizerOf(
    {
      normalizer: split.normalizer,
      pre_tokenizer: {
        type: "Sequence",
        pretokenizers: [...split.parts, { type: "ByteLevel", add_prefix_space: false, use_regex: split.useRegex }],
      },
      added_tokens: added,
      model: {
        type: "BPE",
        vocab: Object.fromEntries(vocab),
        merges: list("tokenizer.ggml.merges"),
        ignore_merges: split.ignoreMerges ?? false,
      },
    },
    source,
  );
}
