import { mean, sum } from "simple-statistics";
import type { PreparedDocument } from "./document.ts";
import { LineIndex } from "./line-index.ts";
import { pairedInterval, segmentTokens } from "./paired-interval.ts";
import { SWAP_NAMES, type SwapName, type SwapResult, type Swaps } from "../protocol/report.ts";
import { DRAWS } from "./swap-runs.ts";

const PLACES = 8;

/** What the prefills brought, and what it was measured on. */
export interface SwapMeasurement {
  /** Bits of the tokens 1 .. T - 1 of every draw [T - 1]; `learned` must be there. */
  readonly bits: ReadonlyMap<SwapName, readonly Float64Array[]>;
  /** UTF-8 bytes of the same tokens. [T - 1] */
  readonly bytes: Float64Array;
  readonly document: Pick<PreparedDocument["report"], "blockRanges">;
  /** The whole text of the document. */
  readonly text: string;
  readonly includeText: boolean;
  /** Tokens per KV block. */
  readonly block: number;
  /** Every visible block is selected: random and recent blocks are the learned ones, and what differs is noise. */
  readonly allSelected: boolean;
}

/** The report's `swaps`. */
export function swapReport(m: SwapMeasurement): Swaps {
  const learned = m.bits.get("learned")?.[0];
  if (learned === undefined) throw new Error("the learned selection was not run");
  const results = SWAP_NAMES.flatMap((name) => {
    const draws = m.bits.get(name);
    return draws === undefined ? [] : [result(name, draws, learned, m.bytes)];
  });
  const random = m.bits.get("random");
  return {
    method: method(m.bytes.length, m.bits),
    tokens: m.bytes.length,
    bytes: sum([...m.bytes]),
    results,
    places: random === undefined || m.allSelected ? [] : places(m, more(random, learned)),
  };
}

function result(
  name: SwapName,
  draws: readonly Float64Array[],
  learned: Float64Array,
  bytes: Float64Array,
): SwapResult {
  const whole = sum([...bytes]);
  const samples = draws.map((bits) => sum([...bits]) / whole);
  const { added, low, high } = pairedInterval(more(draws, learned), bytes);
  return { name, bitsPerByte: mean(samples), samples, added, addedLow: low, addedHigh: high };
}

/** Bits that each token costs more than under the learned selection, mean of the draws. */
function more(draws: readonly Float64Array[], learned: Float64Array): Float64Array {
  return learned.map((bits, i) => mean(draws.map((draw) => draw[i]! - bits)));
}

function places({ document, text, includeText, block }: SwapMeasurement, added: Float64Array): Swaps["places"] {
  const byBlock = new Float64Array(document.blockRanges.length);
  // The first entry is the cost of token 1.
  added.forEach((bits, i) => (byBlock[Math.floor((i + 1) / block)]! += bits));
  const lines = new LineIndex(text);
  return document.blockRanges
    .map(([start, end], index) => ({ block: index, start, end, addedBits: byBlock[index]! }))
    .filter(({ addedBits }) => addedBits > 0)
    .sort((a, b) => b.addedBits - a.addedBits || a.block - b.block)
    .slice(0, PLACES)
    .map((place) => ({
      ...place,
      ...lines.linesOf(place.start, place.end),
      ...(includeText ? { text: text.slice(place.start, place.end) } : {}),
    }));
}

function method(tokens: number, run: ReadonlyMap<SwapName, unknown>): string {
  const all = run.has("all") ? "all: every block that a query sees; " : "";
  const last = run.has("restrict-last")
    ? "; restrict-last: the last full layer reads, of its own keys, only the blocks that the oracle before it selected, the " +
      "last one that feeds sparse layers"
    : "";
  return (
    "one untimed prefill of the whole document under each selection, -log2 of every next token's probability in float64, " +
    `divided by the UTF-8 bytes of the predicted tokens; ${all}recent: the newest blocks; random: the mean of ${DRAWS} ` +
    `draws, each anew for every query, KV head and oracle; none: no selected block, only what is always read${last}; added: the ` +
    "difference to learned on the same tokens, with a 95 % t-interval that takes segments of " +
    `${segmentTokens(tokens)} consecutive tokens as independent, the last with what is left over`
  );
}
