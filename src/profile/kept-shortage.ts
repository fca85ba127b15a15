import { availableMemory } from "../engine/machine.ts";
import { bytes } from "../text/format.ts";

/** Why something would not fit into memory, as a clause, and how many tokens would. */
export interface Shortage {
  readonly why: string;
  readonly fits: number;
}

/** What is kept of a prefill lies beside everything else that the machine holds. */
const MEMORY_SHARE = 0.5;

/**
 * What memory lacks to keep so many floats of every token of a document; undefined where it does.
 * @param what they are, for the message: "the keys of 3 layers"
 * @param available bytes that may be used for them
 */
export function keptShortage(
  what: string,
  floats: number,
  tokens: number,
  available = availableMemory() * MEMORY_SHARE,
): Shortage | undefined {
  const perToken = floats * Float32Array.BYTES_PER_ELEMENT;
  if (perToken * tokens <= available) return undefined;
  return {
    why: `${what} need ${bytes(perToken * tokens)} for ${tokens} tokens, and ${bytes(available)} are available`,
    fits: Math.floor(available / perToken),
  };
}
