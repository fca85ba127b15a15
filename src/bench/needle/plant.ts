import { Random } from "../../model/random.ts";
import type { Tokenizer } from "../../model/tokenizer.ts";
import type { NeedleSpec, NeedleTemplate } from "./spec.ts";

/** Deepest place of a needle, as a share of the text before the question. */
const DEEPEST = 0.95;

/** A prompt with a needle planted in it, the same without, and where the needle's value lies. */
export interface Trial {
  readonly template: string;
  readonly tokens: Uint32Array;
  readonly control: Uint32Array;
  readonly answer: string;
  /** KV block of the value's first token. */
  readonly block: number;
  /** Place of the needle, 0 (start) to 1 (end). */
  readonly depth: number;
}

/** Lines with the needle before line `at`, then the question. The prompt ends right before the answer. */
export function prompt(lines: readonly string[], at: number, needle: string | undefined, question: string): string {
  const planted = needle === undefined ? lines : [...lines.slice(0, at), needle, ...lines.slice(at)];
  return `${planted.join("\n")}\n${question}`;
}

/** Plants needles into one text. */
export class Planter {
  readonly #spec: NeedleSpec;
  readonly #lines: readonly string[];
  readonly #tokenizer: Tokenizer;
  readonly #block: number;
  /** Tokens of each line with its newline. */
  readonly #counts: readonly number[];

  constructor(spec: NeedleSpec, lines: readonly string[], tokenizer: Tokenizer, block: number) {
    this.#spec = spec;
    this.#lines = lines;
    this.#tokenizer = tokenizer;
    this.#block = block;
    this.#counts = lines.map((line) => tokenizer.encode(`${line}\n`).ids.length);
  }

  /** One needle at a random depth of a random stretch of the text, `length` tokens at most in all. */
  plant(template: NeedleTemplate, length: number, random: Random): Trial {
    const { key, value } = words(this.#spec, template, random);
    const fill = (text: string): string => text.replaceAll("{key}", key).replaceAll("{value}", value);
    const needle = fill(template.needle);
    const question = fill(template.question);
    const stretch = this.#stretch(length - this.#tokenizer.encode(prompt([], 0, needle, question)).ids.length, random);
    const depth = uniform(random) * DEEPEST;
    const at = Math.floor(depth * stretch.length);
    const encoding = this.#tokenizer.encode(prompt(stretch, at, needle, question));
    const before = stretch.slice(0, at).reduce((sum, line) => sum + line.length + 1, 0);
    const valueAt = before + needle.indexOf(` ${value}`);
    return {
      template: template.name,
      tokens: encoding.ids,
      control: this.#tokenizer.encode(prompt(stretch, at, undefined, question)).ids,
      answer: ` ${value}`,
      block: Math.floor(encoding.ends.findIndex((end) => end > valueAt) / this.#block),
      depth,
    };
  }

  /** Whole lines from a random first line on, as many as fit in `budget` tokens. */
  #stretch(budget: number, random: Random): readonly string[] {
    const counts = this.#counts;
    let lastFirst = counts.length;
    for (let left = 0; lastFirst > 0 && left < budget;) left += counts[--lastFirst] ?? 0;
    const first = random.below(Math.max(1, lastFirst));
    let used = 0;
    let stop = first;
    // Lines joined can take a token or two more than lines counted one by one.
    while (stop < counts.length && used + (counts[stop] ?? 0) <= budget - JOINING_TOKENS) used += counts[stop++] ?? 0;
    return this.#lines.slice(first, stop);
  }
}

const JOINING_TOKENS = 8;

function words(spec: NeedleSpec, template: NeedleTemplate, random: Random): { key: string; value: string } {
  const pick = (list: readonly string[]): string => list[random.below(list.length)] ?? "";
  const parts = [pick(spec.adjectives), pick(spec.nouns)];
  return {
    key: template.key === "kebab" ? parts.join("-") : parts.join("_").toUpperCase(),
    value:
      template.value === "number"
        ? (10_000 + random.below(90_000)).toString()
        : Array.from({ length: 8 }, () => random.below(16).toString(16)).join(""),
  };
}

/** Uniform in [0, 1). */
function uniform(random: Random): number {
  return random.uint32() / 2 ** 32;
}
