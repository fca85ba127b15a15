/** Queries start .. start + count - 1 of one layer: q [Hkv, count, G d], everything per KV head contiguous. */
export interface Chunk {
  readonly layer: number;
  readonly start: number;
  readonly count: number;
  readonly q: Float32Array;
}
