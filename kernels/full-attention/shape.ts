export interface FullAttentionShape {
  /** Hq, a multiple of Hkv. */
  readonly queryHeads: number;
  /** Hkv */
  readonly kvHeads: number;
  /** d, a multiple of 4, at most 256. */
  readonly headDim: number;
  /** B; read with scores only. */
  readonly block: number;
  /** Whether block scores are emitted. */
  readonly scores: boolean;
}

export interface FullAttentionRun {
  /** C */
  readonly rows: number;
  /** Position of row 0. */
  readonly start: number;
  /** T of the cache buffers: rows reserved per KV head; at least start + rows. */
  readonly room: number;
}
