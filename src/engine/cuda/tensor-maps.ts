import type { CudaDriver, DriverWords } from "./driver.ts";

/** Tiles of 16-bit floats that the copy engine reads: of [heads, room, width], of whose rows the first `rows` are there. */
export interface Tiles {
  readonly address: bigint;
  readonly heads: number;
  readonly rows: number;
  readonly room: number;
  /** A multiple of 64. */
  readonly width: number;
  /** Rows of a tile, of which each takes 64 of the width. */
  readonly tile: number;
}

/** Maps that a launch takes at most. */
const MOST = 2;
/** CUtensorMap's size and alignment in bytes. */
const SIZE = 128n;
const ALIGNMENT = 64n;
const HALF = 2;
/** CU_TENSOR_MAP_DATA_TYPE_FLOAT16, _INTERLEAVE_NONE, _SWIZZLE_128B, _L2_PROMOTION_L2_128B, _FLOAT_OOB_FILL_NONE (zeros) */
const [FLOAT16, NO_INTERLEAVE, SWIZZLE, PROMOTION, ZEROS] = [6, 0, 3, 2, 0] as const;
const COLUMNS = 64;

/** Memory for the maps of one launch, and what fills it. */
export class TensorMaps {
  readonly #driver: CudaDriver;
  readonly #first: bigint;
  /** Keeps the memory. */
  readonly #words: DriverWords;

  constructor(driver: CudaDriver) {
    this.#driver = driver;
    this.#words = driver.words((MOST * Number(SIZE) + Number(ALIGNMENT)) / 8);
    this.#first = ((this.#words.address + ALIGNMENT - 1n) / ALIGNMENT) * ALIGNMENT;
  }

  /** Where the map with that index lies. */
  address(index: number): bigint {
    if (index >= MOST) throw new Error(`a launch takes ${MOST} maps at most`);
    return this.#first + BigInt(index) * SIZE;
  }

  /** CUresult */
  encode(map: bigint, { address, heads, rows, room, width, tile }: Tiles): number {
    const sizes = BigUint64Array.of(BigInt(width), BigInt(rows), BigInt(heads));
    const strides = BigUint64Array.of(BigInt(width * HALF), BigInt(room * width * HALF));
    const box = Uint32Array.of(COLUMNS, tile, 1);
    const steps = Uint32Array.of(1, 1, 1);
    return this.#driver.cuTensorMapEncodeTiled(
      ...[map, FLOAT16, sizes.length, address, sizes, strides, box, steps],
      ...[NO_INTERLEAVE, SWIZZLE, PROMOTION, ZEROS],
    );
  }
}
