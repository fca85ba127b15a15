import { blockSparseAttention } from "../block-sparse-attention/reference.ts";
import { NO_BLOCK } from "../block-topk/block-topk.ts";
import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { GpuForm } from "../gpu-form.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { poisonRoom, type CaseHeads } from "../kernel-case.ts";
import { Random } from "../random.ts";
import { slidingWindow } from "../sliding-window/reference.ts";
import { matrix, portable } from "./forms.ts";
import { sparseDecodeTunings, type SparseDecodeTuning } from "./gpu.ts";
import { matrixSparseDecodeTunings, type MatrixSparseDecodeTuning } from "./matrix.ts";
import type { SparseDecodeRun, SparseDecodeShape } from "./shape.ts";

interface Size extends CaseHeads {
  readonly position: number;
  readonly window: number;
  readonly block: number;
  readonly slots: number;
  readonly sinks: boolean;
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
};

/** Few shapes at many positions: compiling a shape for software Vulkan takes seconds, running it does not. */
const sizes: readonly Size[] = [
  ...[0, 1, 63, 64, 126, 127, 128, 255, 256, 400].map((position) => ({ ...base, position })),
  { ...base, sinks: false },
  ...[7, 8, 9, 31, 100].map((position) => ({
    ...{ ...base, position, window: 8, group: 2, headDim: 12, block: 8, slots: 3 },
  })),
  { ...base, headDim: 128, group: 4, slots: 16, position: 1500, kvHeads: 1 },
  { ...base, headDim: 128, group: 16, kvHeads: 1, position: 300 },
  { ...base, headDim: 256, group: 5, block: 300, window: 100, slots: 2, position: 650 },
];

/** The same, where a head dim is a multiple of 16. */
const matrixSizes: readonly Size[] = [
  ...[0, 1, 63, 64, 126, 127, 128, 255, 256, 400].map((position) => ({ ...base, position })),
  { ...base, sinks: false },
  ...[7, 8, 9, 31, 100].map((position) => ({
    ...{ ...base, position, window: 8, group: 2, headDim: 16, block: 8, slots: 3 },
  })),
  { ...base, headDim: 128, group: 4, slots: 16, position: 1500, kvHeads: 1 },
  { ...base, headDim: 128, group: 16, kvHeads: 1, position: 300 },
  { ...base, headDim: 80, group: 20, kvHeads: 1, block: 300, window: 100, slots: 2, position: 650 },
];

const FREE_ROWS = 2;

/** What a form is held to. */
interface Held<Tuning> {
  readonly form: GpuForm<SparseDecodeShape, SparseDecodeRun, Tuning>;
  readonly title: string;
  /** Per head. */
  readonly tolerance: (traits: DeviceTraits) => number;
}

const ofPortable: Held<SparseDecodeTuning> = {
  form: portable,
  title: "sparse-decode",
  tolerance: ({ arithmetic }) => (arithmetic === "f16" ? 1e-4 : 1e-5),
};

const ofMatrix: Held<MatrixSparseDecodeTuning> = {
  form: matrix,
  title: "sparse-decode matrix",
  /** Queries and weights are rounded to f16. */
  tolerance: () => 2e-3,
};

const checkOne = <Tuning>(
  { form, title, tolerance }: Held<Tuning>,
  size: Size,
  sparse: boolean,
  tuningName: string,
  tuning?: Tuning,
): GpuCheck => ({
  name:
    `${title} t=${size.position} w=${size.window} Hkv=${size.kvHeads} G=${size.group} d=${size.headDim} ` +
    `B=${size.block} k/B=${size.slots} sinks=${size.sinks ? "yes" : "no"} tuning=${tuningName}${sparse ? "" : " window-only"}`,
  form: form.id,
  prepare: (seed, traits) => {
    const { position, window, kvHeads, group, headDim, block, slots, sinks } = size;
    const queryHeads = kvHeads * group;
    const layer = { queryHeads, kvHeads, headDim, block, slots, window, sparse };
    if (!form.fits(layer, traits, tuning)) return { skip: "the shape or the tuning does not fit this device" };
    const random = new Random(seed);
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
      ({ format: "f32", values: of, tolerance: tolerance(traits), per: headDim }) as const;
    const outSparse = (): Float64Array =>
      blockSparseAttention({
        ...{ ...shape, keys: roundToHalf(keys), values: roundToHalf(values) },
        ...{ blocks, sinks: sparseSinks, block, slots },
      });
    return checkOf({
      op: form.make(layer, traits, tuning),
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

/** What every tuning must do. */
const tuned: readonly Size[] = [
  { ...base, headDim: 48, group: 3, position: 290, slots: 3 },
  { ...base, headDim: 48, group: 3, block: 72, window: 100, position: 290, slots: 3 },
];
const tunedWide: readonly Size[] = [
  { ...base, headDim: 128, group: 4, slots: 16, position: 2000 },
  { ...base, headDim: 128, group: 16, slots: 16, position: 2047 },
];
const WIDE_BYTES = 48 * 1024;

const onlyWide = (check: GpuCheck): GpuCheck => ({
  ...check,
  prepare: (seed, traits) =>
    traits.workgroupStorageBytes < WIDE_BYTES
      ? { skip: "for devices with more workgroup storage" }
      : check.prepare(seed, traits),
});

/** Every size, and a window alone around its edges. */
const checksOf = <Tuning>(held: Held<Tuning>, all: readonly Size[], tuningName: string): GpuCheck[] => [
  ...all.map((size) => checkOne(held, size, true, tuningName)),
  ...[0, 63, 64, 127, 128, 400].map((position) => checkOne(held, { ...base, position }, false, tuningName)),
];

export const checks: readonly GpuCheck[] = [
  ...checksOf(ofPortable, sizes, "0"),
  checkOne(ofPortable, base, true, "1", sparseDecodeTunings[1]),
  ...checksOf(ofMatrix, matrixSizes, "default"),
  ...Object.entries(matrixSparseDecodeTunings).flatMap(([name, tuning]) => [
    ...tuned.map((size) => checkOne(ofMatrix, size, true, name, tuning)),
    ...tunedWide.map((size) => onlyWide(checkOne(ofMatrix, size, true, name, tuning))),
    ...tunedWide.slice(0, 1).map((size) => onlyWide(checkOne(ofMatrix, size, false, name, tuning))),
  ]),
];
