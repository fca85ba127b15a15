import { describe, it } from "node:test";
import { fullAttention } from "../../../kernels/full-attention/reference.ts";
import { cases } from "../../../kernels/sliding-window/cases.ts";
import { slidingWindow } from "../../../kernels/sliding-window/reference.ts";
import type { NumericArray } from "../../../kernels/numeric-array.ts";
import type { SlidingWindowInput } from "../../../kernels/sliding-window/sliding-window.ts";
import { assertNear, assertRefuses, SEED } from "./near.ts";

const withoutSinks = (heads: number): Float64Array => new Float64Array(heads).fill(-Infinity);

/** Two queries at positions 4 and 5, keys 0 (all visible ones weigh alike), values 1, 2, 4, ... by position. */
function uniform(changes: Partial<SlidingWindowInput> = {}): SlidingWindowInput {
  return {
    queries: Float64Array.of(1, 1),
    keys: new Float64Array(6),
    values: Float64Array.from({ length: 6 }, (_, j) => 2 ** j),
    from: 0,
    sinks: withoutSinks(1),
    ...{ queryHeads: 1, kvHeads: 1, headDim: 1, window: 3, start: 4 },
    ...changes,
  };
}

describe(`sliding window (SEED=${SEED})`, () => {
  it("sees t - w + 1 .. t", () => {
    assertNear(slidingWindow(uniform()), [(4 + 8 + 16) / 3, (8 + 16 + 32) / 3]);
    assertNear(slidingWindow(uniform({ window: 1 })), [16, 32]);
    assertNear(slidingWindow(uniform({ window: 100 })), [31 / 5, 63 / 6]);
  });

  it("finds the same keys wherever the array begins", () => {
    const { keys, values } = uniform();
    const tail = { keys: keys.subarray(2), values: values.subarray(2), from: 2 };
    assertNear(slidingWindow(uniform(tail)), slidingWindow(uniform()));
  });

  it("sees the first of the context, too, each once", () => {
    // Positions 0 and 4, 0 and 5; then 0 .. 2 beside 3 .. 4 and 4 .. 5.
    assertNear(slidingWindow(uniform({ first: 1, from: 1, window: 1 })), [(1 + 16) / 2, (1 + 32) / 2]);
    assertNear(slidingWindow(uniform({ first: 3, from: 3, window: 2 })), [31 / 5, (7 + 48) / 5]);
    assertNear(slidingWindow(uniform({ first: 3, from: 3, window: 3 })), [31 / 5, 63 / 6]);
    assertNear(slidingWindow(uniform({ first: 100, from: 100, window: 1 })), [31 / 5, 63 / 6]);
    const { keys, values } = uniform();
    const without = (all: NumericArray): Float64Array => Float64Array.of(all[0]!, ...all.subarray(4));
    const gap = { keys: without(keys), values: without(values), first: 1, from: 4, window: 1 };
    assertNear(slidingWindow(uniform(gap)), [(1 + 16) / 2, (1 + 32) / 2]);
  });

  it("lets the sink take its share of the mass", () => {
    assertNear(slidingWindow(uniform({ sinks: Float64Array.of(Math.log(3)) })), [28 / 6, 56 / 6]);
  });

  it("refuses keys that do not cover the window", () => {
    assertRefuses(() => slidingWindow(uniform({ from: 3 })), "do not cover");
    assertRefuses(() => slidingWindow(uniform({ start: 5 })), "do not cover");
    assertRefuses(() => slidingWindow(uniform({ first: 1 })), "do not cover");
  });

  for (const { name, inputs } of cases) {
    const input = inputs(SEED);
    const { queries, queryHeads, kvHeads, headDim, window, start, from, first = 0 } = input;
    const rows = queries.length / (queryHeads * headDim);

    it(`${name}: with a window over all keys and no sink it is full attention`, () => {
      // The keys at hand are taken as a context of their own that begins at position 0.
      const shifted = { ...input, from: first, start: start - from + first, window: start + rows };
      assertNear(slidingWindow({ ...shifted, sinks: withoutSinks(queryHeads) }), fullAttention(shifted));
    });

    it(`${name}: values of one give what the sink leaves`, () => {
      const ones = input.values.map((v) => (Number.isNaN(v) ? v : 1));
      const held = input.keys.length / (kvHeads * headDim);
      slidingWindow({ ...input, values: ones }).forEach((value, at) => {
        const t = start + Math.floor(at / (queryHeads * headDim));
        const head = Math.floor(at / headDim) % queryHeads;
        const kvHead = Math.floor((head * kvHeads) / queryHeads);
        let mass = 0;
        for (let j = 0; j < start + rows; j++) {
          if (j > t || (t - j >= window && j >= first)) continue;
          const row = j < first ? j : j - from + first;
          let dot = 0;
          for (let c = 0; c < headDim; c++) {
            const q = queries[((t - start) * queryHeads + head) * headDim + c]!;
            dot += q * input.keys[(kvHead * held + row) * headDim + c]!;
          }
          mass += Math.exp(dot / Math.sqrt(headDim));
        }
        assertNear([value], [1 / (1 + Math.exp(input.sinks[head]!) / mass)]);
      });
    });
  }
});
