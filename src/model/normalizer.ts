import { z } from "zod";

/** A text as the model's tokens spell it. */
export interface Normalized {
  readonly text: string;
  /** For each unit of `text` the range of the original that it came from; absent where nothing changed. */
  readonly origin?: { readonly starts: Uint32Array; readonly ends: Uint32Array };
}

export type Normalizer = (text: string) => Normalized;

const SEQUENCES = 8;
const schema = z.union([
  z.object({ type: z.literal("NFC") }),
  z.object({ type: z.literal("Sequence"), normalizers: z.array(z.unknown()).max(SEQUENCES) }),
]);

/** Marks, and the vowels and final consonants of Hangul: what NFC may join to the character before it. */
const JOINS = /[\p{M}\u1160-\u11ff\ud7b0-\ud7ff]/u;

/**
 * Reads the normalizer of a tokenizer.json: none, or Unicode's composition NFC (as Qwen's files have it), through which tokens
 * can be traced back to the characters that they came from.
 * @param refuse is given the type of what is not supported
 */
export function readNormalizer(raw: unknown, refuse: (type: unknown) => never): Normalizer | undefined {
  if (raw === null || raw === undefined) return undefined;
  const parsed = schema.safeParse(raw);
  if (!parsed.success) return refuse(raw);
  if (parsed.data.type === "NFC") return composed;
  const parts = parsed.data.normalizers.map((part) => {
    const inner = schema.safeParse(part);
    return inner.success && inner.data.type === "NFC" ? composed : refuse(part);
  });
  // Composing what is composed changes nothing.
  return parts[0];
}

/** The text in NFC, and where each piece of it that changed came from. */
function composed(text: string): Normalized {
  const whole = text.normalize("NFC");
  if (whole === text) return { text };
  const starts: number[] = [];
  const ends: number[] = [];
  let joined = "";
  let from = 0;
  const flush = (to: number): void => {
    const piece = text.slice(from, to);
    const after = piece.normalize("NFC");
    const same = after === piece;
    for (let i = 0; i < after.length; i++) {
      starts.push(same ? from + i : from);
      ends.push(same ? from + i + 1 : to);
    }
    joined += after;
    from = to;
  };
  let at = 0;
  for (const character of text) {
    if (at > from && !JOINS.test(character)) flush(at);
    at += character.length;
  }
  flush(text.length);
  if (joined !== whole) throw new Error("NFC joined characters across a boundary where nothing joins");
  return { text: whole, origin: { starts: Uint32Array.from(starts), ends: Uint32Array.from(ends) } };
}
