import { checkOf, type GpuCheck } from "../gpu-check.ts";
import type { GpuForm } from "../gpu-form.ts";
import type { DeviceTraits } from "../gpu-op.ts";
import { cases } from "../full-attention/cases.ts";
import type { ScoredAttentionInput } from "../full-attention/full-attention.ts";
import { scoredAttention } from "../full-attention/reference.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { poisonRoom, type KernelCase, type CaseHeads } from "../kernel-case.ts";
import { Random } from "../random.ts";
import { matrix, portable } from "./forms.ts";
import { defaultFullDecodeTuning, type FullDecodeRun, type FullDecodeShape, type FullDecodeTuning } from "./gpu.ts";
import { matrixDecodeTunings, type MatrixDecodeTuning } from "./matrix.ts";

interface Size extends CaseHeads {
  readonly position: number;
  readonly block: number;
  readonly spare: number;
  readonly scores: boolean;
  /** Of queries and keys. */
  readonly scale: number;
  /** The first column of queries and keys makes logits climb along the keys for every other head, and fall for others. */
  readonly climbing: boolean;
}

const base: Size = {
  position: 700,
  kvHeads: 2,
  group: 4,
  headDim: 64,
  block: 64,
  spare: 3,
  scores: true,
  scale: 1,
  climbing: false,
};

/** Few shapes at many positions: compiling a shape for software Vulkan takes seconds, running it does not. */
const sizes: readonly Size[] = [
  ...[0, 62, 63, 64, 127, 128, 255, 256, 511, 700].map((position) => ({ ...base, position })),
  ...[100, 9000].map((position) => ({ ...base, group: 3, position })),
  ...[130, 2500].map((position) => ({ ...base, headDim: 128, group: 16, kvHeads: 1, position })),
  { ...base, headDim: 128, scale: 4 },
  { ...base, group: 1, headDim: 12, block: 10 },
  { ...base, group: 5, headDim: 24, block: 100 },
  ...[299, 599, 600, 700].map((position) => ({ ...base, group: 24, headDim: 40, block: 300, position })),
  { ...base, group: 8, headDim: 256, block: 1 },
  { ...base, group: 2, headDim: 4, block: 1000 },
];

/** The same, where a head dim and a block are multiples of 16. */
const matrixSizes: readonly Size[] = [
  ...[0, 15, 62, 63, 64, 127, 128, 255, 700, 2500].map((position) => ({ ...base, position })),
  { ...base, scale: 4 },
  { ...base, climbing: true },
  { ...base, scores: false },
  { ...base, group: 3, position: 100 },
  ...[50, 300].map((position) => ({ ...base, group: 80, kvHeads: 1, block: 48, position })),
  ...[130, 600].map((position) => ({ ...base, headDim: 128, group: 16, kvHeads: 1, position })),
  ...[100, 499].map((position) => ({ ...base, headDim: 80, group: 17, kvHeads: 1, block: 192, position })),
  { ...base, headDim: 16, group: 1, block: 16 },
];

/** Splits of many tiles, with a reference that is raised on the way, and blocks that are several tiles or no whole one. */
const long: readonly Size[] = [
  { ...base, position: 2500 },
  { ...base, climbing: true, block: 48 },
  { ...base, position: 900, headDim: 128, group: 16, block: 128, climbing: true },
];

/** What every tuning must do that fits the device, and real sizes for devices that are quick. */
const tuned: readonly Size[] = [
  { ...base, headDim: 48, group: 3, block: 32, position: 437 },
  { ...base, headDim: 48, group: 3, block: 32, position: 437, climbing: true },
  { ...base, headDim: 128, group: 16, kvHeads: 1, position: 437, climbing: true },
];
const tunedWide: readonly Size[] = [
  { ...base, headDim: 128, position: 1001 },
  { ...base, headDim: 128, position: 1024, group: 16, climbing: true },
  { ...base, headDim: 128, position: 3071, group: 24, block: 80 },
  { ...base, headDim: 64, position: 8191, group: 3 },
  { ...base, headDim: 128, position: 40_000, scores: false },
];
const WIDE_BYTES = 48 * 1024;

function describe({ position, kvHeads, group, headDim, block }: Size): string {
  return `t=${position} Hkv=${kvHeads} G=${group} d=${headDim} B=${block}`;
}

function inputsOf({ position, kvHeads, group, headDim, block, spare, scale, climbing }: Size, seed: number): Inputs {
  const random = new Random(seed);
  const room = position + 1 + spare;
  const queryHeads = kvHeads * group;
  const queries = random.normals(queryHeads * headDim, scale);
  const keys = random.normals(kvHeads * room * headDim, scale);
  const values = random.normals(kvHeads * room * headDim);
  if (climbing) {
    for (let head = 0; head < queryHeads; head++) {
      queries[head * headDim] = (head % 2 === 0 ? 4 : -1) * Math.sqrt(headDim);
    }
    for (let i = 0; i < kvHeads * room; i++) {
      const key = i % room;
      keys[i * headDim] = key === 77 || key === position ? 15 : (key * 10) / position;
    }
  }
  const poison = (cache: Float32Array): Float32Array => poisonRoom(cache, kvHeads, room, position + 1, headDim);
  return {
    ...{ queries, keys: poison(keys), values: poison(values) },
    ...{ queryHeads, kvHeads, headDim, start: position, block },
  };
}

interface Inputs extends ScoredAttentionInput {
  readonly queries: Float32Array;
}

/** What a form is held to. */
interface Held<Tuning> {
  readonly form: GpuForm<FullDecodeShape, FullDecodeRun, Tuning>;
  readonly tolerance: (traits: DeviceTraits, tuning: Tuning | undefined, large: boolean) => number;
}

const ofPortable: Held<FullDecodeTuning> = {
  form: portable,
  tolerance: ({ arithmetic }, tuning) =>
    arithmetic === "f16" && (tuning?.arithDots === true || tuning?.arithSums === true) ? 5e-3 : 2e-5,
};

const ofMatrix: Held<MatrixDecodeTuning> = {
  form: matrix,
  /** Queries and weights are rounded to f16, and logits of 16 and more have errors to match. */
  tolerance: (_traits, _tuning, large) => (large ? 5e-3 : 2e-3),
};

interface Way<Tuning> {
  readonly scores: boolean;
  /** Whether logits are so large that outputs are judged as a whole. */
  readonly large?: boolean;
  readonly tuning?: Tuning | ((shape: FullDecodeShape) => Tuning);
  /** Of workgroup storage, that the check is for. */
  readonly leastBytes?: number;
}

function check<Tuning extends object>(
  { form, tolerance: toleranceOf }: Held<Tuning>,
  name: string,
  inputs: (seed: number) => ScoredAttentionInput,
  { scores, large = false, tuning: wanted, leastBytes = 0 }: Way<Tuning>,
): GpuCheck {
  return {
    name,
    form: form.id,
    prepare: (seed, traits) => {
      if (traits.workgroupStorageBytes < leastBytes) return { skip: "for devices with more workgroup storage" };
      const input = inputs(seed);
      const { queryHeads, kvHeads, headDim, start, block } = input;
      const shape = { queryHeads, kvHeads, headDim, block, scores };
      const tuning = typeof wanted === "function" ? wanted(shape) : wanted;
      if (!form.fits(shape, traits, tuning)) return { skip: "the shape or the tuning does not fit this device" };
      const want = scoredAttention({ ...input, keys: roundToHalf(input.keys), values: roundToHalf(input.values) });
      const tolerance = toleranceOf(traits, tuning, large);
      const emitted = { format: "f32", values: want.groupScores, tolerance, per: want.groupScores.length } as const;
      return checkOf({
        op: form.make(shape, traits, tuning),
        run: { position: start, room: input.keys.length / (kvHeads * headDim) },
        buffers: {
          q: Float32Array.from(input.queries),
          k: packHalves(input.keys),
          v: packHalves(input.values),
          out: { bytes: want.out.length * 4 },
          ...(scores ? { scores: { bytes: want.groupScores.length * 4 } } : {}),
        },
        expected: {
          out: { format: "f32", values: want.out, tolerance, per: large ? want.out.length : headDim },
          ...(scores ? { scores: emitted } : {}),
        },
      });
    },
  };
}

const own: readonly KernelCase<ScoredAttentionInput>[] = sizes.map((size) => ({
  name: `full-attention-decode ${describe(size)} scale=${size.scale}`,
  inputs: (seed) => inputsOf(size, seed),
}));

const decodes = cases.filter(({ name }) => name.includes(" C=1 "));

/** Other layouts than the default of the size, each reaching code that it does not. */
const variants: Readonly<Record<string, Partial<FullDecodeTuning>>> = {
  "": {},
  " few-splits": { workgroups: 3 },
  " 2-pieces 8-heads": { queryPieces: 2, heads: 8, keysEach: 2, threads: 128, valuesEach: 8 },
  " arith": { arithDots: true, arithSums: true, heads: 8, tile: 128 },
};

const varied = /t=(63|700) .* G=4 d=64 /;

/** Logits in 16 bits are for logits of a few units. */
const notInHalves = (one: GpuCheck): GpuCheck => ({
  ...one,
  prepare: (seed, traits) =>
    traits.arithmetic === "f16"
      ? { skip: "logits in 16 bits are for logits of a few units" }
      : one.prepare(seed, traits),
});

const portableChecks = [...decodes, ...own].flatMap(({ name, inputs }) =>
  Object.entries(variants)
    .filter(([variant]) => variant === "" || varied.test(name))
    .flatMap(([variant, changes]) =>
      [true, false]
        .filter((scores) => scores || (variant === "" && varied.test(name)))
        .map((scores) => {
          const tuning = ({ queryHeads, kvHeads }: FullDecodeShape): FullDecodeTuning => ({
            ...defaultFullDecodeTuning(queryHeads / kvHeads),
            ...changes,
          });
          const one = check(ofPortable, `${name}${variant}${scores ? "" : " no-scores"}`, inputs, { scores, tuning });
          return changes.arithDots === true && name.includes("scale=4") ? notInHalves(one) : one;
        }),
    ),
);

const checkOfMatrix = (size: Size, note = "", tuning?: MatrixDecodeTuning, leastBytes = 0): GpuCheck => {
  const { scores, scale, climbing } = size;
  const notes = `${scale === 1 ? "" : ` scale=${scale}`}${climbing ? " climbing" : ""}${scores ? "" : " no-scores"}`;
  return check(
    ofMatrix,
    `full-attention-decode matrix ${describe(size)}${notes}${note}`,
    (seed) => inputsOf(size, seed),
    { scores, large: climbing || scale > 1, leastBytes, ...(tuning === undefined ? {} : { tuning }) },
  );
};

const matrixChecks = [
  ...matrixSizes.map((size) => checkOfMatrix(size)),
  ...long.map((size) => checkOfMatrix(size, " two splits", { ...matrixDecodeTunings["4x32"], workgroups: 4 })),
  ...Object.entries(matrixDecodeTunings).flatMap(([name, tuning]) => [
    // Few workgroups: splits of several tiles.
    ...tuned.map((size) => checkOfMatrix(size, ` tuning=${name}`, { ...tuning, workgroups: 4 })),
    ...tunedWide.map((size) => checkOfMatrix(size, ` tuning=${name}`, { ...tuning, workgroups: 8 }, WIDE_BYTES)),
  ]),
];

export const checks: readonly GpuCheck[] = [...portableChecks, ...matrixChecks];
