import { matrixFits, type MatrixTuning } from "../attention/matrix-tunings.ts";
import type { DeviceTraits } from "../gpu-op.ts";

/** The tunings that are checked and timed: rows, as subgroups x rows of each, keys, and what differs. */
export const matrixTunings = {
  "8x16 keys=32": { subgroups: 8, parts: 1, keys: 32, ahead: true },
  "8x16 keys=32 late": { subgroups: 8, parts: 1, keys: 32, ahead: false },
  "6x16 keys=32": { subgroups: 6, parts: 1, keys: 32, ahead: true },
  "4x16 keys=32": { subgroups: 4, parts: 1, keys: 32, ahead: true },
  "4x16 keys=32 late": { subgroups: 4, parts: 1, keys: 32, ahead: false },
  "2x16 keys=32": { subgroups: 2, parts: 1, keys: 32, ahead: true },
  "4x32 keys=32": { subgroups: 4, parts: 2, keys: 32, ahead: true },
  "2x32 keys=32": { subgroups: 2, parts: 2, keys: 32, ahead: false },
  "4x16 keys=64": { subgroups: 4, parts: 1, keys: 64, ahead: true },
  "2x16 keys=64": { subgroups: 2, parts: 1, keys: 64, ahead: false },
} as const satisfies Record<string, MatrixTuning>;

/** What is taken where no tuning is asked for: the first that fits, for heads of more than 64 and for smaller ones. */
const preferred = {
  large: [matrixTunings["8x16 keys=32"], matrixTunings["4x16 keys=32"], matrixTunings["2x16 keys=32"]],
  small: [matrixTunings["8x16 keys=32"], matrixTunings["4x16 keys=32"], matrixTunings["2x16 keys=32"]],
} as const;

export function chooseMatrixTuning(headDim: number, traits: DeviceTraits): MatrixTuning | undefined {
  return preferred[headDim > 64 ? "large" : "small"].find((tuning) => matrixFits(tuning, headDim, traits));
}
