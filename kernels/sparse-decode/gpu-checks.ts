import { blockSparseAttention } from "../block-sparse-attention/reference.ts";
import { NO_BLOCK } from "../block-topk/block-topk.ts";
import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { poisonRoom } from "../kernel-case.ts";
import { Random } from "../random.ts";
import { slidingWindow } from "../sliding-window/reference.ts";
import { sparseDecodeGpu, sparseDecodeTunings } from "./gpu.ts";

interface Size {
  readonly position: number;
  readonly window: number;
  readonly kvHeads: number;
  readonly group: number;
  readonly headDim: number;
  readonly block: number;
  readonly slots: number;
  readonly sinks: boolean;
  readonly tuning: number;
}

const base: Size = {
  position: 400,
  window: 128,
  kvHeads: 2,
  group: 3,
  headDim: 64,
  block: 64,
  slots: 4,
  sinks: true,
  tuning: 0,
};

/** Few shapes at many positions: compiling a shape for software Vulkan takes seconds, running it does not. */
const sizes: readonly Size[] = [
  ...[0, 1, 63, 64, 126, 127, 128, 255, 256, 400].map((position) => ({ ...base, position })),
  { ...base, sinks: false },
  { ...base, tuning: 1 },
  ...[7, 8, 9, 31, 100].map((position) => ({
    ...{ ...base, position, window: 8, group: 2, headDim: 12, block: 8, slots: 3 },
  })),
  { ...base, headDim: 128, group: 4, slots: 16, position: 1500, kvHeads: 1 },
  { ...base, headDim: 128, group: 16, kvHeads: 1, position: 300 },
  { ...base, headDim: 256, group: 5, block: 300, window: 100, slots: 2, position: 650 },
];

const FREE_ROWS = 2;

const checkOne = (size: Size, sparse: boolean): GpuCheck => ({
  name:
    `sparse-decode t=${size.position} w=${size.window} Hkv=${size.kvHeads} G=${size.group} d=${size.headDim} ` +
    `B=${size.block} k/B=${size.slots} sinks=${size.sinks ? "yes" : "no"} tuning=${size.tuning}${sparse ? "" : " window-only"}`,
  prepare: (seed, traits) => {
    const { position, window, kvHeads, group, headDim, block, slots, sinks, tuning } = size;
    const random = new Random(seed);
    const queryHeads = kvHeads * group;
    const room = position + 4;
    const visible = Math.floor(position / block) + 1;
    const pick = (): number[] =>
      Array.from({ length: visible }, (_, i) => ({ i, key: random.uniform() }))
        .sort((a, b) => a.key - b.key)
        .slice(0, slots)
        .map(({ i }) => i)
        .sort((a, b) => a - b);
    const blocks = new Int32Array(kvHeads * slots).fill(NO_BLOCK);
    for (let head = 0; head < kvHeads; head++) blocks.set(pick(), head * slots);
    const cache = (): Float32Array =>
      poisonRoom(random.normals(kvHeads * room * headDim), kvHeads, room, position + 1, headDim);
    const queries = random.normals(queryHeads * headDim);
    const [keys, values, ringKeys, ringValues] = [cache(), cache(), cache(), cache()];
    const sinksOf = (): Float32Array =>
      sinks ? random.normals(queryHeads, 2) : new Float32Array(queryHeads).fill(-Infinity);
    const [sparseSinks, windowSinks] = [sinksOf(), sinksOf()];
    /** The last w positions of a cache at their rows p mod w; the rest NaN. */
    const ring = (all: Float32Array): Uint16Array => {
      const held = new Float32Array(kvHeads * window * headDim).fill(NaN);
      for (let head = 0; head < kvHeads; head++) {
        for (let p = Math.max(0, position - window + 1); p <= position; p++) {
          const from = (head * room + p) * headDim;
          held.set(all.subarray(from, from + headDim), (head * window + (p % window)) * headDim);
        }
      }
      return packHalves(held);
    };
    const shape = { queries, queryHeads, kvHeads, headDim, start: position };
    const outWindow = slidingWindow({
      ...{ ...shape, keys: roundToHalf(ringKeys), values: roundToHalf(ringValues), from: 0 },
      ...{ sinks: windowSinks, window },
    });
    const chosen = new Uint32Array((FREE_ROWS + 1) * kvHeads * slots).fill(1 << 30);
    chosen.set(blocks, FREE_ROWS * kvHeads * slots);
    const close = (of: Float64Array) =>
      ({ format: "f32", values: of, tolerance: traits.arithmetic === "f16" ? 1e-4 : 1e-5, per: headDim }) as const;
    const outSparse = (): Float64Array =>
      blockSparseAttention({
        ...{ ...shape, keys: roundToHalf(keys), values: roundToHalf(values) },
        ...{ blocks, sinks: sparseSinks, block, slots },
      });
    return checkOf({
      op: sparseDecodeGpu(
        { queryHeads, kvHeads, headDim, block, slots, window, sparse },
        traits,
        sparseDecodeTunings[tuning],
      ),
      run: { position, room, selectionRow: FREE_ROWS },
      buffers: {
        q: queries,
        k: packHalves(keys),
        v: packHalves(values),
        ringK: ring(ringKeys),
        ringV: ring(ringValues),
        blocks: chosen,
        sparseSinks,
        windowSinks,
        outSparse: { bytes: queries.byteLength },
        outWindow: { bytes: queries.byteLength },
      },
      expected: {
        outWindow: close(outWindow),
        ...(sparse ? { outSparse: close(outSparse()) } : {}),
      },
    });
  },
});

export const checks: readonly GpuCheck[] = [
  ...sizes.map((size) => checkOne(size, true)),
  ...[0, 63, 64, 127, 128, 400].map((position) => checkOne({ ...base, position }, false)),
];
