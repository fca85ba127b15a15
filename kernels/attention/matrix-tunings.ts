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
function matrixWorkgroupBytes(tuning: MatrixTuning, headDim: number): number {
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

/** matrix_softmax.wgsl and what it needs but keys, values and block maxima. */
export function matrixSoftmaxSources({ matrix }: DeviceTraits): readonly string[] {
  return [
    "attention/matrix_softmax.wgsl",
    "attention/matrix_softmax_columns.wgsl",
    `attention/matrix_softmax_tiles_${matrix}.wgsl`,
  ];
}
