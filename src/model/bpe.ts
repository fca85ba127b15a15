import { BYTE_CHARACTERS } from "./byte-alphabet.ts";
import { Spelled } from "./spelled.ts";
import { messageOf, UserError } from "./errors.ts";
import { atOnce } from "./in-steps.ts";
import { bytePairEncoder } from "./library-tokenizer.ts";
import { spell } from "./pre-tokenizer.ts";
import { segmentEnd } from "./segments.ts";
import { readTokenizer, readTokenizerJson, type ByteLevelVocabulary } from "./tokenizer-json.ts";
import type { Encoding, Tokenizer } from "./tokenizer.ts";
import { eachWithinTime, OutOfTime } from "./within-time.ts";

/**
 * UTF-16 units merged at once. Longer parts (a single "word" of that length) are cut, so that time and memory stay linear,
 * which can change the tokens beside the cut.
 */
const LONGEST_PART = 65_536;

/** UTF-16 units after which a step ends. */
const STEP = 8192;

/**
 * Time for the regular expressions of one text, ended by force: some thousand times what those in use need, so that a busy
 * machine does not meet it.
 */
const SPLIT_MS = 5000;
const SPLIT_MS_PER_CHARACTER = 0.005;

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
  return new BpeTokenizer(readTokenizerJson(json, source), source);
}

/** The same from what such a file holds. */
export function tokenizerOf(content: unknown, source: string): Tokenizer {
  return new BpeTokenizer(readTokenizer(content, source), source);
}

class BpeTokenizer implements Tokenizer {
  readonly vocabulary: number;
  readonly #file: ByteLevelVocabulary;
  readonly #merge: (part: string) => number[];
  readonly #source: string;

  constructor(file: ByteLevelVocabulary, source: string) {
    this.vocabulary = file.size;
    this.#file = file;
    this.#merge = bytePairEncoder(file.tables);
    this.#source = source;
  }

  encode(text: string): Encoding {
    return atOnce(this.encodeInSteps(text));
  }

  *encodeInSteps(text: string): Generator<undefined, Encoding> {
    // Replaced here and not left to the UTF-8 encoder, so that the pre-tokenizer sees what will be encoded. Lengths stay.
    const wellFormed = text.replace(/\p{Surrogate}/gu, "\uFFFD");
    const found: number[] = [];
    const spelled = new Spelled();
    const budget = { ms: SPLIT_MS + wellFormed.length * SPLIT_MS_PER_CHARACTER };
    let since = 0;
    for (const section of this.#file.sections(wellFormed)) {
      if (section.id !== undefined) {
        found.push(section.id);
        spelled.add({ text: section.text }, section.text);
        continue;
      }
      const normalized = this.#file.normalizer?.(section.text) ?? { text: section.text };
      spelled.add(normalized, section.text);
      for (const part of this.#parts(normalized.text, budget)) {
        for (let start = 0; start < part.length;) {
          const end = segmentEnd(part, start, LONGEST_PART);
          for (const id of this.#merge(this.#spelled(part.slice(start, end)))) found.push(id);
          since += end - start;
          start = end;
          if (since < STEP) continue;
          since = 0;
          yield;
        }
      }
    }
    const ids = Uint32Array.from(found);
    const lengths = ids.map((id) => this.byteLength(id));
    const ranges = spelled.ranges(lengths);
    if (!ranges) {
      throw new UserError(
        `${this.#source}: its pre-tokenizer drops part of this text, so tokens have no position in it. ` +
          `Use a pattern that matches everything, or a Split with behavior Isolated.`,
      );
    }
    return { ids, ...ranges };
  }

  /** @throws UserError for a byte without a token */
  #spelled(part: string): string {
    const spelled = spell(part);
    if (this.#file.absent.size === 0) return spelled;
    for (const character of spelled) {
      if (!this.#file.absent.has(character)) continue;
      const byte = BYTE_CHARACTERS.indexOf(character).toString(16).padStart(2, "0");
      throw new UserError(
        `${this.#source}: no token stands for the byte 0x${byte}, which this text holds. Take the character out of the text.`,
      );
    }
    return spelled;
  }

  *#parts(text: string, budget: { ms: number }): Generator<string> {
    try {
      yield* eachWithinTime(this.#file.preTokenizer.parts(text), budget);
    } catch (error) {
      const pattern = this.#file.preTokenizer.shownPattern;
      if (pattern === undefined) throw error;
      const why = error instanceof OutOfTime ? "backtracks without end" : `fails (${messageOf(error).slice(0, 100)})`;
      throw new UserError(
        `${this.#source}: its pattern ${pattern} ${why} on this text. Use a tokenizer whose pattern does not.`,
      );
    }
  }

  byteLength(id: number): number {
    return this.#file.bytes[id]?.length ?? 0;
  }

  decode(ids: Iterable<number>): string {
    const pieces = Array.from(ids, (id) => this.#file.bytes[id] ?? REPLACEMENT);
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
