import type { DeviceTraits } from "../gpu-op.ts";

/** Shape of the work of one workgroup of `matrix_softmax.wgsl`. */
export interface MatrixTuning {
  /** Of 32 invocations each. */
  readonly subgroups: number;
  /** 16 rows each, per subgroup; two share what is loaded of keys and values, and take twice the registers. */
  readonly parts: 1 | 2;
  /** Keys of a tile, a multiple of 32. */
  readonly keys: number;
  /** Keys and values are fetched before a tile's logits are formed, not after: latency hidden, registers taken. */
  readonly ahead: boolean;
}

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

const LARGEST_HEAD_DIM = 128;
const SUBGROUP = 32;
const SIDE = 16;
const HALF_OCTET = 16;
/** Spare vectors behind a row of a tile, of logits and of weights, against conflicts of banks. */
const SPARE = { octets: 1, quads: 2 } as const;

/** (query, head) rows of a workgroup. */
export function rowsOf({ subgroups, parts }: MatrixTuning): number {
  return subgroups * parts * SIDE;
}

/** Bytes of workgroup storage that a tuning takes: keys and values, logits, weights, and the flag. */
export function matrixWorkgroupBytes(tuning: MatrixTuning, headDim: number): number {
  const quads = tuning.keys / 4 + SPARE.quads;
  const cache = 2 * tuning.keys * (headDim / 8 + SPARE.octets) * HALF_OCTET;
  return cache + rowsOf(tuning) * quads * (16 + 8) + 16;
}

export function matrixFits(tuning: MatrixTuning, headDim: number, traits: DeviceTraits): boolean {
  return (
    traits.matrix !== "none" &&
    headDim % SIDE === 0 &&
    headDim <= LARGEST_HEAD_DIM &&
    matrixWorkgroupBytes(tuning, headDim) <= traits.workgroupStorageBytes &&
    tuning.subgroups * SUBGROUP <= traits.maxInvocations
  );
}

export function chooseMatrixTuning(headDim: number, traits: DeviceTraits): MatrixTuning | undefined {
  return preferred[headDim > 64 ? "large" : "small"].find((tuning) => matrixFits(tuning, headDim, traits));
}
