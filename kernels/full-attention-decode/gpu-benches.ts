import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { defaultFullDecodeTuning, fullDecodeGpu, fullDecodeTunings, type FullDecodeTuning } from "./gpu.ts";

const shapes = [
  { name: "embedded", queryHeads: 6, kvHeads: 2, headDim: 64 },
  { name: "7B", queryHeads: 32, kvHeads: 8, headDim: 128 },
  { name: "80B", queryHeads: 64, kvHeads: 4, headDim: 128 },
];
const BLOCK = 64;

type Shape = (typeof shapes)[number];

function bench({ name, queryHeads, kvHeads, headDim }: Shape, keys: number, tuning: FullDecodeTuning): GpuBenchCase {
  const { threads, heads, queryPieces, keysEach, valuesEach, tile, arithDots, arithSums, workgroups } = tuning;
  const products = `dots=${arithDots ? "arith" : "f32"} sums=${arithSums ? "arith" : "f32"}`;
  return {
    name:
      `full-attention-decode ${name} T=${keys} threads=${threads} heads=${heads} pieces=${queryPieces} ` +
      `each=${keysEach}/${valuesEach} tile=${tile} ${products} groups=${workgroups}`,
    prepare: (traits) => {
      const cache = kvHeads * keys * headDim;
      const scores = kvHeads * Math.ceil(keys / BLOCK);
      return benchOf({
        op: fullDecodeGpu({ queryHeads, kvHeads, headDim, block: BLOCK, scores: true }, traits, tuning),
        run: { position: keys - 1, room: keys },
        buffers: {
          q: { values: queryHeads * headDim, format: "f32" },
          k: { values: cache, format: "f16" },
          v: { values: cache, format: "f16" },
          out: { bytes: queryHeads * headDim * 4 },
          scores: { bytes: scores * 4 },
        },
        flops: 4 * queryHeads * headDim * keys,
        bytes: 4 * cache + 8 * queryHeads * headDim + 4 * scores,
      });
    },
  };
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

export const benches: readonly GpuBenchCase[] = shapes.flatMap((shape) =>
  [8192, 32_768, 131_072].flatMap((keys) => {
    const standard = defaultFullDecodeTuning(shape.queryHeads / shape.kvHeads);
    const tunings = keys === 131_072 ? (tried[shape.name] ?? [standard]) : [standard];
    return tunings.map((tuning) => bench(shape, keys, tuning));
  }),
);
