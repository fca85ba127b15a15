import type { CudaBlock } from "./block.ts";

export const HALF = 2;
export const WORD = 4;

export type Address = CudaBlock | bigint;

const NONE = 0n;

/** As a kernel takes it: 0 where there is none. */
export function at(address: Address | undefined): bigint {
  if (address === undefined) return NONE;
  return typeof address === "bigint" ? address : address.address;
}

/** Keys and values, halves [Hkv, rows, d]. */
export interface KeysAt {
  readonly k: bigint;
  readonly v: bigint;
  readonly rows: number;
}

/** Rows of a tensor core's product: heads of a group that are taken together. */
export const TENSOR_HEADS = 16;

/** Of queries_tensor.cu: warps of a block, and keys of a buffer. */
export const QUERY_WARPS = 4;
const QUERY_KEYS = 32;

/** Its shared memory: two buffers of keys and values for each warp. */
export function queryBytes(d: number): number {
  return QUERY_WARPS * 4 * QUERY_KEYS * d * HALF;
}
