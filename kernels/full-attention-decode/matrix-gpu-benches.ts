import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import {
  chooseMatrixDecodeTuning,
  fitsMatrixDecode,
  fullDecodeMatrix,
  matrixDecodeTunings,
  matrixDecodeTuningFits,
  type MatrixDecodeTuning,
} from "./matrix.ts";

const shapes = [
  { name: "embedded", queryHeads: 6, kvHeads: 2, headDim: 64 },
  { name: "7B", queryHeads: 32, kvHeads: 8, headDim: 128 },
  { name: "80B", queryHeads: 64, kvHeads: 4, headDim: 128 },
];
const BLOCK = 64;
/** Where all tunings are tried. */
const LONGEST = 131_072;

type Shape = (typeof shapes)[number];

function bench(
  shape: Shape,
  keys: number,
  scores: boolean,
  named?: readonly [string, MatrixDecodeTuning],
): GpuBenchCase {
  const { queryHeads, kvHeads, headDim } = shape;
  const [tuningName, tuning] = named ?? ["default", undefined];
  return {
    name: `full-attention-decode matrix ${shape.name} T=${keys} ${tuningName}${scores ? "" : " no-scores"}`,
    prepare: (traits) => {
      const sizes = { queryHeads, kvHeads, headDim, block: BLOCK, scores };
      if (!fitsMatrixDecode(sizes, traits)) return { skip: "no matrix units that fit" };
      const used = tuning ?? chooseMatrixDecodeTuning(headDim, traits);
      if (used === undefined || !matrixDecodeTuningFits(used, headDim, traits)) {
        return { skip: "the tuning does not fit this device" };
      }
      const cache = kvHeads * keys * headDim;
      const emitted = scores ? kvHeads * Math.ceil(keys / BLOCK) * 4 : 0;
      return benchOf({
        op: fullDecodeMatrix(sizes, traits, used),
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

const isLarge = ({ name }: Shape): boolean => name !== "embedded";

export const benches: readonly GpuBenchCase[] = [
  ...shapes.flatMap((shape) =>
    [8192, 32_768, LONGEST].flatMap((keys) =>
      keys === LONGEST && isLarge(shape)
        ? Object.entries(matrixDecodeTunings).map((named) => bench(shape, keys, true, named))
        : [bench(shape, keys, true)],
    ),
  ),
  ...shapes.filter(isLarge).map((shape) => bench(shape, LONGEST, false)),
];
