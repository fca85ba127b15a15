import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { blockSparseAttention } from "../../kernels/block-sparse-attention/reference.ts";
import { cases as topkCases } from "../../kernels/block-topk/cases.ts";
import { blockTopk } from "../../kernels/block-topk/reference.ts";
import { gateCase, sizes as gateSizes } from "../../kernels/block-gate/cases.ts";
import { blockGate } from "../../kernels/block-gate/reference.ts";
import { meansCase, sizes as meansSizes } from "../../kernels/block-means/cases.ts";
import { blockMeans } from "../../kernels/block-means/reference.ts";
import { scoredAttention } from "../../kernels/full-attention/reference.ts";
import type { NumericArray } from "../../kernels/numeric-array.ts";
import { Random } from "../../kernels/random.ts";
import { slidingWindow } from "../../kernels/sliding-window/reference.ts";
import type { KernelBuild } from "../../src/engine/cpu/kernels/build.ts";
import { ceilingCall, PEAK_ROUND, type Call } from "../../src/engine/cpu/kernels/call.ts";
import { loadNative, NoNative } from "../../src/engine/cpu/kernels/native.ts";
import { KernelPool } from "../../src/engine/cpu/kernels/pool.ts";
import { loadWasm } from "../../src/engine/cpu/kernels/wasm.ts";
import { floatsOf, fullCall, largeCall, perHead, sparseCall, windowCall } from "./attention-calls.ts";
import { full, perQueryHead, sparse, window } from "./attention-cases.ts";

const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 0x1_0000_0000));

/** Largest error of a head's output row, and of a query's block scores, relative to the largest value. Float32 sums of these sizes stay below a tenth of it. */
const TOLERANCE = 2e-5;
/** Where logits reach hundreds, whose rounding alone takes more than that. */
const MOST_TOLERANCE = 1e-4;

const BUILDS: readonly (readonly [name: string, load: () => KernelBuild])[] = [
  ["native", () => loadNative()],
  ...(process.arch === "x64" ? ([["native, AVX2 at most", () => loadNative({ widest: 1 })]] as const) : []),
  ["WebAssembly", () => loadWasm()],
  ["WebAssembly, plain SIMD", () => loadWasm(false)],
];

for (const [name, load] of BUILDS) {
  let build: KernelBuild | undefined;
  let reason = "";
  try {
    build = load();
  } catch (error) {
    if (!(error instanceof NoNative)) throw error;
    reason = error.message;
  }
  describe(`attention kernels: ${name} (SEED=${SEED})`, { skip: build === undefined && reason }, () => {
    const pool = new KernelPool(build!, 2);
    after(() => pool.dispose());
    /** Runs a call whose caches must lie in kernel memory, and gives that back. */
    const run = async (call: Call): Promise<void> => {
      const held: Float32Array[] = [];
      const cached = (array: Float32Array | undefined): Float32Array => {
        const copy = pool.floats(array?.length ?? 0);
        copy.set(array ?? []);
        held.push(copy);
        return copy;
      };
      await pool.run(call.k === undefined ? call : { ...call, k: cached(call.k), v: cached(call.v) });
      held.forEach((array) => pool.release(array));
    };

    for (const { name: title, inputs } of sparse) {
      it(title, async () => {
        const input = inputs(SEED);
        for (const wide of [false, true]) {
          const { call, out } = sparseCall(input, wide);
          await run(call);
          assertRows(
            out,
            once(title, () => blockSparseAttention(input)),
            input.headDim,
          );
        }
        const each = perQueryHead(input, SEED);
        const lists = sparseCall(each, false);
        await run(lists.call);
        assertRows(
          lists.out,
          once(`${title}, each`, () => blockSparseAttention(each)),
          input.headDim,
        );
      });
    }

    for (const { name: title, inputs } of full) {
      it(title, async () => {
        const input = inputs(SEED);
        const { call, out, scores } = fullCall(input);
        const expected = once(title, () => scoredAttention(input));
        await run(call);
        const rounding = logitRounding(input.queries, input.keys, input.headDim);
        const tolerance = Math.min(MOST_TOLERANCE, Math.max(TOLERANCE, rounding));
        assertRows(out, expected.out, input.headDim, tolerance);
        assertRows(scores, expected.groupScores, scores.length / (call.count * call.heads), tolerance);
        const without = new Float32Array(out.length).fill(NaN);
        const plain: Partial<Record<keyof Call, unknown>> = { ...call, out: without };
        delete plain.scores;
        await run(plain as Call);
        assert.deepEqual(without, out);
      });
    }

    for (const { name: title, inputs } of window) {
      it(title, async () => {
        const input = inputs(SEED);
        const { call, out } = windowCall(input);
        await run(call);
        assertRows(
          out,
          once(title, () => slidingWindow(input)),
          input.headDim,
        );
      });
    }

    for (const { name: title, inputs } of topkCases) {
      it(title, async () => {
        const input = inputs(SEED);
        const { kvHeads, blocks, slots, block, start, forced } = input;
        const count = input.scores.length / (kvHeads * blocks);
        const expected = blockTopk(input);
        for (const list of [new Uint16Array(expected.blocks.length), new Uint32Array(expected.blocks.length)]) {
          const kept = new Float32Array(expected.scores.length);
          const scores = Float32Array.from(input.scores);
          const shape = { G: 1, share: 1, d: 1, scale: 0 };
          const call = { start, count, heads: kvHeads, ...shape, B: block, slots, forced };
          await run({ op: "topk", ...call, list, kept, scores });
          assert.deepEqual(list, (list.constructor as typeof Uint16Array).from(expected.blocks));
          assert.deepEqual(Array.from(kept), Array.from(expected.scores));
        }
      });
    }

    for (const { name: title, inputs } of gateSizes.map(gateCase)) {
      it(title, async () => {
        const input = inputs(SEED);
        const { means, kvHeads, headDim, block, start } = input;
        const count = input.queries.length / (input.queryHeads * headDim);
        const expected = once(title, () => blockGate(input));
        const scores = new Float32Array(expected.length).fill(NaN);
        const call = { op: "gate", start, count, d: headDim, B: block, scale: 0, ...perHead(input) } as const;
        await run({ ...call, k: floatsOf(means), cap: means.length / (kvHeads * headDim), scores });
        // Against the largest of all: a product that cancels has no digits of its own.
        if (expected.length > 0) assertRows(scores, expected, expected.length);
      });
    }

    for (const size of meansSizes) {
      const { name: title, inputs } = meansCase(size);
      it(title, async () => {
        const input = inputs(SEED);
        const { start, rows, kvHeads, headDim: d, block: B, spare } = size;
        const expected = once(title, () => blockMeans(input));
        const room = Math.ceil((start + rows) / B);
        const out = pool.floats(kvHeads * room * d);
        // Blocks that were full before the call keep what they have.
        const [before, after] = [Math.floor(start / B), Math.floor((start + rows) / B)];
        const shape = { heads: kvHeads, G: 1, share: 1, d, B, scale: 0, cap: start + rows + spare };
        await run({ op: "means", start, count: rows, ...shape, k: floatsOf(input.keys), out });
        for (let head = 0; head < kvHeads; head++) {
          const at = head * room * d;
          assert.ok(out.subarray(at, at + before * d).every((value) => value === 0));
          assert.ok(out.subarray(at + after * d, at + room * d).every((value) => value === 0));
          const made = expected.subarray((head * after + before) * d, (head + 1) * after * d);
          assertRows(out.subarray(at + before * d, at + after * d), made, d);
        }
        pool.release(out);
      });
    }

    it("gates: per head and per value, the window's rows added to the sparse ones", async () => {
      for (const d of [20, 64]) {
        const input = sparse.at(-1)!.inputs(SEED);
        const sized = d === 64 ? input : sparse.find(({ name: n }) => n.includes("d=20"))!.inputs(SEED);
        const { queryHeads, headDim } = sized;
        const { call, out } = sparseCall(sized, false);
        const rows = call.count;
        const expected = blockSparseAttention(sized);
        for (const width of [1, headDim]) {
          const gate = new Random(SEED).normals(rows * queryHeads * width);
          out.fill(NaN);
          await run({ ...call, gate });
          const before = Float64Array.from(expected, (o, i) => o * gate[Math.floor((i * width) / headDim)]!);
          assertRows(out, before, headDim);
          await run({ ...call, gate, add: true });
          assertRows(
            out,
            before.map((value) => 2 * value),
            headDim,
          );
        }
      }
    });

    it("does the multiply-adds that a ceiling claims: with a factor of 1 their sum counts them", async () => {
      const after = async (rounds: number): Promise<number[]> => {
        const out = new Float32Array(5);
        await run(ceilingCall("peak", out, { scale: 1, window: rounds }));
        return [...out];
      };
      const start = await after(0);
      for (const rounds of [1, 7, 1000]) {
        const expected = start.map((sum) => sum + (rounds * PEAK_ROUND) / 4);
        assert.deepEqual(await after(rounds), expected);
      }
    });

    it("reads all that a ceiling claims, each unit its own part", async () => {
      for (const cap of [128, 640, 4096]) {
        const units = 3;
        // The kernel begins at the first whole cache line.
        const k = new Float32Array(units * cap + 16).map((_, i) => i % 7);
        const sums = (times: number, from: number): number[] =>
          Array.from(
            { length: units },
            (_, unit) => times * sumOf(k.subarray(from + unit * cap, from + (unit + 1) * cap)),
          );
        for (const times of [1, 3]) {
          const out = new Float32Array(units);
          await run(ceilingCall("read", out, { scale: 0, window: times, k, cap }));
          const starts = Array.from({ length: 16 }, (_, from) => sums(times, from).join());
          assert.ok(starts.includes([...out].join()), `${[...out].join()}: no sum of whole parts`);
        }
      }
    });

    it("gives the same bits whatever the number of threads", async () => {
      const calls = [sparse.at(-1)!, ...sparse.slice(-12)].map((c) => sparseCall(c.inputs(SEED), false));
      const windows = window.slice(-12).map((c) => windowCall(c.inputs(SEED)));
      const fulls = full.slice(-12).map((c) => fullCall(c.inputs(SEED)));
      const large = [largeCall(SEED)];
      const alone = [];
      for (const { call, out } of [...calls, ...windows, ...fulls, ...large]) {
        await run(call);
        alone.push({ call, out, expected: [Array.from(out), Array.from(call.scores ?? [])] });
      }
      for (const threads of [1, 3, 8]) {
        const other = new KernelPool(load(), threads);
        const cached = (array: Float32Array): Float32Array => {
          const copy = other.floats(array.length);
          copy.set(array);
          return copy;
        };
        for (const { call, out, expected } of alone) {
          out.fill(NaN);
          await other.run({ ...call, k: cached(call.k!), v: cached(call.v!) });
          assert.deepEqual([Array.from(out), Array.from(call.scores ?? [])], expected, `${threads} threads`);
        }
        await other.dispose();
      }
    });
  });
}

/** What the references give, computed for the first build and kept for the others. */
const references = new Map<string, unknown>();
function once<T>(name: string, compute: () => T): T {
  if (!references.has(name)) references.set(name, compute());
  return references.get(name) as T;
}

const sumOf = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0);

/**
 * What rounding a logit to float32 does to its weight, relative: an error of a logit is a factor of its weight, and the sum
 * of d products in lanes is off by a few units of 2^-24 of |q| |k|. It counts where logits reach hundreds.
 */
function logitRounding(queries: NumericArray, keys: NumericArray, d: number): number {
  return (2 * longest(queries, d) * longest(keys, d)) / Math.sqrt(d) / 2 ** 24;
}

/** The largest length of a vector [d]. */
function longest(vectors: NumericArray, d: number): number {
  let most = 0;
  for (let from = 0; from < vectors.length; from += d) {
    const length = Math.hypot(...vectors.slice(from, from + d));
    // Rows that nobody may read are NaN, and compare as nothing.
    if (length > most) most = length;
  }
  return most;
}

function assertRows(actual: Float32Array, expected: Float64Array, width: number, tolerance = TOLERANCE): void {
  assert.equal(actual.length, expected.length);
  for (let from = 0; from < expected.length; from += width) {
    let difference = 0;
    let size = 0;
    for (let i = from; i < from + width; i++) {
      difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
      size = Math.max(size, Math.abs(expected[i]!));
      if (Number.isNaN(actual[i]!)) assert.fail(`value ${i} is NaN`);
    }
    // Weights below the normal numbers of float32 are zero by design.
    assert.ok(difference <= tolerance * size + 1e-30, `row ${from / width}: off by ${difference} of ${size}`);
  }
}
