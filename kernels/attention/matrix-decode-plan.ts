import type { DeviceTraits } from "../gpu-op.ts";

/** Shape of the work of one workgroup of matrix_attend_keys.wgsl. */
export interface MatrixAttendTuning {
  /** Of 32 invocations each. */
  readonly subgroups: 2 | 4 | 8;
  /** Keys of a tile, a multiple of 16 and at least 8 per subgroup. */
  readonly keys: number;
  /** Queries stay in registers, rather than being read from workgroup memory for every tile. */
  readonly held: boolean;
  /** Values take the place of the keys in workgroup memory, rather than one of their own. */
  readonly shared: boolean;
}

/** Query heads that share keys and values: rows of a 16 x 16 tile. */
export const MATRIX_HEADS = 16;

const LARGEST_HEAD_DIM = 128;
const SUBGROUP = 32;
const SIDE = 16;
const HALF_OCTET = 16;
/** Spare vectors behind a row of a tile, and of logits, weights and queries, against conflicts of banks. */
const SPARE = { octets: 1, quads: 2 } as const;
/** Tiles of 16 columns of d that a subgroup may have. */
const MOST_COLUMNS = 4;
/** Runs of 16 keys that a subgroup may have: all of them, or at most one. */
const MOST_KEY_TILES = 2;

/** Vectors of eight halves that an invocation may fetch of a tile of keys. */
const MOST_LOADS = 8;

/** Bytes of workgroup storage: keys and values, logits, queries, weights, maxima of 16 keys, and the flag. */
export function matrixDecodeBytes({ subgroups, keys, shared }: MatrixAttendTuning, headDim: number): number {
  const cache = (shared ? 1 : 2) * keys * (headDim / 8 + SPARE.octets) * HALF_OCTET;
  const logits = SIDE * (Math.max(keys, SIDE * subgroups) / 4 + SPARE.quads) * 16;
  const queries = SIDE * (headDim / 4 + SPARE.quads) * 8;
  const weights = SIDE * (keys / 4 + SPARE.quads) * 8;
  return cache + logits + queries + weights + keys * 4 + 16;
}

/** Whether matrix_attend_keys.wgsl can run for heads of this size on the device. */
export function matrixAttendFits(tuning: MatrixAttendTuning, headDim: number, traits: DeviceTraits): boolean {
  const { subgroups, keys } = tuning;
  return (
    traits.matrix !== "none" &&
    headDim % SIDE === 0 &&
    headDim <= Math.min(LARGEST_HEAD_DIM, MOST_COLUMNS * SIDE * subgroups) &&
    keys % (8 * subgroups) === 0 &&
    keys % SIDE === 0 &&
    (keys <= SIDE * subgroups || keys === MOST_KEY_TILES * SIDE * subgroups) &&
    keys * headDim <= MOST_LOADS * 8 * SUBGROUP * subgroups &&
    subgroups * SUBGROUP <= traits.maxInvocations &&
    matrixDecodeBytes(tuning, headDim) <= traits.workgroupStorageBytes
  );
}

/** What the tuning and the shape are to matrix_attend_keys.wgsl. */
export function matrixAttendConstants(
  { subgroups, keys, held, shared }: MatrixAttendTuning,
  group: number,
  headDim: number,
): Readonly<Record<string, number | boolean>> {
  return {
    GROUP: group,
    HEAD_DIM: headDim,
    SUBGROUPS: subgroups,
    KEYS: keys,
    HELD: held,
    SHARED: shared,
    LOGIT_SCALE: Math.LOG2E / Math.sqrt(headDim),
  };
}

/** matrix_attend_keys.wgsl and what it needs but its bindings and block maxima. */
export function matrixAttendSources(traits: DeviceTraits): readonly string[] {
  return [
    "attention/matrix_attend_keys.wgsl",
    "attention/matrix_attend_columns.wgsl",
    `attention/matrix_attend_tiles_${traits.matrix}.wgsl`,
  ];
}
