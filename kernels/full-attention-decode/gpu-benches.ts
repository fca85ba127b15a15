import { benchModels, type BenchHeads } from "../bench-models.ts";
import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import type { GpuForm } from "../gpu-form.ts";
import { matrix, portable } from "./forms.ts";
import {
  defaultFullDecodeTuning,
  fullDecodeTunings,
  type FullDecodeRun,
  type FullDecodeShape,
  type FullDecodeTuning,
} from "./gpu.ts";
import { matrixDecodeTunings } from "./matrix.ts";

const BLOCK = 64;
/** Where all tunings are tried. */
const LONGEST = 131_072;

function bench<Tuning>(
  form: GpuForm<FullDecodeShape, FullDecodeRun, Tuning>,
  { name, queryHeads, kvHeads, headDim }: BenchHeads,
  keys: number,
  note: string,
  scores: boolean,
  tuning?: Tuning,
): GpuBenchCase {
  return {
    name: `full-attention-decode ${name} T=${keys} ${note}${scores ? "" : " no-scores"}`,
    prepare: (traits) => {
      const sizes = { queryHeads, kvHeads, headDim, block: BLOCK, scores };
      if (!form.fits(sizes, traits, tuning)) return { skip: "the shape or the tuning does not fit this device" };
      const cache = kvHeads * keys * headDim;
      const emitted = scores ? kvHeads * Math.ceil(keys / BLOCK) * 4 : 0;
      return benchOf({
        op: form.make(sizes, traits, tuning),
        run: { position: keys - 1, room: keys },
        buffers: {
          q: { values: queryHeads * headDim, format: "f32" },
          k: { values: cache, format: "f16" },
          v: { values: cache, format: "f16" },
          out: { bytes: queryHeads * headDim * 4 },
          ...(scores ? { scores: { bytes: emitted } } : {}),
        },
        flops: 4 * queryHeads * headDim * keys,
        bytes: 4 * cache + 8 * queryHeads * headDim + emitted,
      });
    },
  };
}

function nameOf(tuning: FullDecodeTuning): string {
  const { threads, heads, queryPieces, keysEach, valuesEach, tile, arithDots, arithSums, workgroups } = tuning;
  return (
    `threads=${threads} heads=${heads} pieces=${queryPieces} each=${keysEach}/${valuesEach} tile=${tile} ` +
    `dots=${arithDots ? "arith" : "f32"} sums=${arithSums ? "arith" : "f32"} groups=${workgroups}`
  );
}

const { few, many } = fullDecodeTunings;

/** What to try where many keys are read; the first of each is the default. */
const tried: Readonly<Record<string, readonly FullDecodeTuning[]>> = {
  "7B": [
    few,
    { ...few, keysEach: 2, valuesEach: 8 },
    { ...few, queryPieces: 2, keysEach: 2 },
    { ...few, threads: 128 },
    { ...few, workgroups: 1024 },
    { ...few, arithSums: true, arithDots: true },
  ],
  "80B": [
    many,
    { ...many, arithDots: true },
    { ...many, arithDots: true, queryPieces: 2, keysEach: 1 },
    { ...many, threads: 128, keysEach: 4 },
    { ...many, heads: 4 },
    { ...many, arithDots: true, workgroups: 2048 },
  ],
};

const isLarge = ({ name }: BenchHeads): boolean => name !== "embedded";

const portableBenches = benchModels.flatMap((shape) =>
  [8192, 32_768, LONGEST].flatMap((keys) => {
    const standard = defaultFullDecodeTuning(shape.queryHeads / shape.kvHeads);
    const tunings = keys === LONGEST ? (tried[shape.name] ?? [standard]) : [standard];
    return tunings.map((tuning) => bench(portable, shape, keys, nameOf(tuning), true, tuning));
  }),
);

const matrixBenches = [
  ...benchModels.flatMap((shape) =>
    [8192, 32_768, LONGEST].flatMap((keys) =>
      keys === LONGEST && isLarge(shape)
        ? Object.entries(matrixDecodeTunings).map(([name, tuning]) =>
            bench(matrix, shape, keys, `matrix ${name}`, true, tuning),
          )
        : [bench(matrix, shape, keys, "matrix default", true)],
    ),
  ),
  ...benchModels.filter(isLarge).map((shape) => bench(matrix, shape, LONGEST, "matrix default", false)),
];

export const benches: readonly GpuBenchCase[] = [...portableBenches, ...matrixBenches];
