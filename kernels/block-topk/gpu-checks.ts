import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { BlockTopkInput } from "./block-topk.ts";
import { cases } from "./cases.ts";
import { blockTopkGpu, blockTopkTuning } from "./gpu.ts";
import { blockTopk } from "./reference.ts";

/** How real scores lie, and what makes the search go deep: octaves apart, within one bin, all but a few equal, zeros. */
const spreads: Readonly<Record<string, (random: Random) => number>> = {
  octaves: (random) => 2 ** (-40 * random.uniform()),
  close: (random) => 0.5 + random.integer(300) * 2 ** -24,
  underflown: (random) => (random.uniform() < 0.99 ? 0 : random.uniform()),
  denormal: (random) => random.integer(200) * 2 ** -149,
};

const drawn: readonly KernelCase<BlockTopkInput>[] = Object.entries(spreads).flatMap(([name, draw]) =>
  [
    { rows: 70, start: 30_000, kvHeads: 8, slots: 16 },
    { rows: 1, start: 131_071, kvHeads: 4, slots: 40 },
    { rows: 1, start: 2 ** 20 - 1, kvHeads: 1, slots: 16 },
  ].map(({ rows, start, kvHeads, slots }) => ({
    name: `block-topk C=${rows} start=${start} Hkv=${kvHeads} B=64 k/B=${slots} ${name}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const blocks = Math.ceil((start + rows) / 64);
      const scores = Float32Array.from({ length: rows * kvHeads * blocks }, () => draw(random));
      return { scores, kvHeads, blocks, slots, block: 64, start };
    },
  })),
);

const FIRST_ROW = 2;

export const checks: readonly GpuCheck[] = [...cases, ...drawn].flatMap(({ name, inputs }) =>
  [blockTopkTuning, { many: 32, few: 32 }, { many: 128, few: 128 }].map((tuning) => ({
    name: `${name} threads=${tuning.many}/${tuning.few}`,
    prepare: (seed, traits) => {
      const input = inputs(seed);
      const { kvHeads, blocks, slots, block, start, forced } = input;
      const signed = input.scores.some((score) => score < 0);
      const rows = input.scores.length / (kvHeads * blocks);
      const want = blockTopk(input);
      const rowSize = kvHeads * slots;
      const inside = (index: number): boolean => index >= FIRST_ROW * rowSize && index < (FIRST_ROW + rows) * rowSize;
      const around = (values: ArrayLike<number>): Float64Array => {
        const whole = new Float64Array((FIRST_ROW + rows + 1) * rowSize);
        whole.set(values, FIRST_ROW * rowSize);
        return whole;
      };
      const values = around(Uint32Array.from(want.blocks));
      // What a query cannot see must not matter.
      const scores = Float32Array.from(input.scores, (score, i) =>
        i % blocks > Math.floor((start + Math.floor(i / (blocks * kvHeads))) / block) ? NaN : score,
      );
      return checkOf({
        op: blockTopkGpu({ kvHeads, slots, block, forced, signed }, traits, tuning),
        run: { rows, start, firstRow: FIRST_ROW },
        buffers: {
          scores,
          blocks: new Uint32Array(values.length).fill(7),
          selected: new Float32Array(values.length).fill(7),
        },
        expected: {
          blocks: { format: "u32", values, tolerance: 0, per: rowSize, judged: inside },
          selected: { format: "f32", values: around(want.scores), tolerance: 0, per: rowSize, judged: inside },
        },
      });
    },
  })),
);
