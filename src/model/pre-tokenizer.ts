import { z } from "zod";
import { BYTE_CHARACTERS } from "./byte-alphabet.ts";
import { explainIssues } from "./explain.ts";
import { PUNCTUATION } from "./punctuation.ts";
import { BEHAVIOURS, split, type Behaviour } from "./split-behaviour.ts";
import { compilePattern, literalPattern, shortened } from "./split-pattern.ts";

/** What ByteLevel splits by, the pattern of GPT-2. */
const GPT2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
/** Nd, Nl and No: what Rust calls numeric, so not only 0 to 9. */
const DIGIT = /\p{N}/gu;

/** Sequences within sequences; real files have one. */
const DEEPEST = 8;
const MOST_PARTS = 32;

const behaviour = z.enum(BEHAVIOURS);
const partSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("Sequence"), pretokenizers: z.array(z.unknown()) }),
  z.object({
    type: z.literal("ByteLevel"),
    add_prefix_space: z.boolean().default(false),
    use_regex: z.boolean().default(true),
  }),
  z.object({
    type: z.literal("Split"),
    pattern: z.union([z.object({ Regex: z.string() }), z.object({ String: z.string() })]),
    behavior: behaviour,
    invert: z.boolean().default(false),
  }),
  z.object({ type: z.literal("Digits"), individual_digits: z.boolean().default(false) }),
  z.object({ type: z.literal("Punctuation"), behavior: behaviour.default("Isolated") }),
]);

type Part = Exclude<z.infer<typeof partSchema>, { type: "Sequence" }>;

/** Why the others that Hugging Face's library knows are refused. */
const REASONS: Readonly<Record<string, string>> = {
  BertPreTokenizer: "it drops white space",
  CharDelimiterSplit: "it drops the delimiter",
  FixedLength: "no byte-level model uses it",
  Metaspace: "it replaces spaces, and byte-level tokens keep them",
  UnicodeScripts: "JavaScript's scripts are not the library's",
  Whitespace: "it drops white space",
  WhitespaceSplit: "it drops white space",
};

/** One step of cutting a text into the parts that are encoded on their own. */
interface Step {
  readonly pattern: RegExp;
  readonly behaviour: Behaviour;
  readonly invert: boolean;
}

/** The pre-tokenizer of a tokenizer.json, up to the bytes: cuts a text into parts and spells them in the byte alphabet. */
export interface PreTokenizer {
  /** The parts of a text in order, as they are asked for. Together they are the text, unless a step removes something. */
  parts(text: string): Iterable<string>;
  /** The regular expression that the file gives, for messages; undefined where it gives none. */
  readonly shownPattern: string | undefined;
}

/**
 * Reads a pre-tokenizer. It cuts as Hugging Face's Rust library does, which the tests hold it to; what it would not is
 * refused. The last part must be ByteLevel: it is what turns characters into the byte alphabet.
 *
 * @param refuse is given what is wrong
 */
export function readPreTokenizer(raw: unknown, refuse: (why: string) => never): PreTokenizer {
  const parts = flatten(raw, refuse, 0);
  if (parts.length > MOST_PARTS) {
    return refuse(`its pre-tokenizer has ${parts.length} parts; at most ${MOST_PARTS} are supported`);
  }
  if (parts.at(-1)?.type !== "ByteLevel") return refuse("its pre-tokenizer does not end with ByteLevel");
  if (parts.slice(0, -1).some(({ type }) => type === "ByteLevel")) {
    return refuse("its pre-tokenizer has ByteLevel before its last part, so bytes would be spelled twice");
  }
  const steps = parts.flatMap((part) => stepOf(part, refuse));
  const patterns = parts.flatMap((part) =>
    part.type === "Split" && "Regex" in part.pattern ? [part.pattern.Regex] : [],
  );
  return {
    parts: (text) => cut(text, steps),
    shownPattern: patterns.length === 0 ? undefined : patterns.map(shortened).join(" and "),
  };
}

/** A text's UTF-8 bytes in the byte alphabet. */
export function spell(text: string): string {
  let spelled = "";
  for (const byte of Buffer.from(text, "utf8")) spelled += BYTE_CHARACTERS[byte] ?? "";
  return spelled;
}

function flatten(raw: unknown, refuse: (why: string) => never, depth: number): Part[] {
  if (depth > DEEPEST) return refuse(`its pre-tokenizer nests sequences deeper than ${DEEPEST}`);
  const named = z.object({ type: z.string() }).safeParse(raw);
  if (!named.success)
    return refuse(depth === 0 ? "it has no ByteLevel pre-tokenizer" : "a part of its pre-tokenizer has no type");
  const { type } = named.data;
  const parsed = partSchema.safeParse(raw);
  if (!parsed.success) {
    const known = partSchema.options.some((option) => option.shape.type.value === type);
    const why = known ? explainIssues(parsed.error) : (REASONS[type] ?? "it is not known");
    return refuse(`pre-tokenizer ${JSON.stringify(type.slice(0, 40))} is not supported: ${why}`);
  }
  const part = parsed.data;
  if (part.type !== "Sequence") return [part];
  if (part.pretokenizers.length > MOST_PARTS) {
    return refuse(`its pre-tokenizer has ${part.pretokenizers.length} parts; at most ${MOST_PARTS} are supported`);
  }
  return part.pretokenizers.flatMap((inner) => flatten(inner, refuse, depth + 1));
}

function stepOf(part: Part, refuse: (why: string) => never): Step[] {
  switch (part.type) {
    case "ByteLevel":
      if (part.add_prefix_space) return refuse("it puts a space in front of the text (add_prefix_space)");
      return part.use_regex ? [{ pattern: compilePattern(GPT2, refuse), behaviour: "Isolated", invert: false }] : [];
    case "Digits":
      return [{ pattern: DIGIT, behaviour: part.individual_digits ? "Isolated" : "Contiguous", invert: false }];
    case "Punctuation":
      refuseRemoval("Punctuation", part.behavior, false, refuse);
      return [{ pattern: PUNCTUATION, behaviour: part.behavior, invert: false }];
    case "Split": {
      const { pattern, behavior, invert } = part;
      // What does not match may be removed where a pattern means to match everything; `encode` checks every text.
      refuseRemoval("Split", behavior, invert, refuse);
      const compiled = "Regex" in pattern ? compilePattern(pattern.Regex, refuse) : literalPattern(pattern.String);
      return [{ pattern: compiled, behaviour: behavior, invert }];
    }
  }
}

function refuseRemoval(type: string, behavior: Behaviour, invert: boolean, refuse: (why: string) => never): void {
  if (behavior === "Removed" && !invert) refuse(`pre-tokenizer ${type} removes what it splits by (behavior Removed)`);
}

function* cut(text: string, steps: readonly Step[]): Generator<string> {
  const [step, ...rest] = steps;
  if (step === undefined) {
    if (text !== "") yield text;
    return;
  }
  for (const part of split(text, step.pattern, step.behaviour, step.invert)) {
    if (rest.length === 0) yield part;
    else yield* cut(part, rest);
  }
}
