export interface SparseDecodeShape {
  readonly queryHeads: number;
  readonly kvHeads: number;
  /** d; a multiple of 4. */
  readonly headDim: number;
  /** B */
  readonly block: number;
  /** k / B */
  readonly slots: number;
  /** w; with the first tokens that the ring keeps beside it: every row of the ring is seen. */
  readonly window: number;
  /** False: the window branch only, as in a hybrid-SWA layer. */
  readonly sparse: boolean;
}

export interface SparseDecodeRun {
  /** t, whose own k', v' stand in the ring already, at its row by ringRow. */
  readonly position: number;
  /** Rows reserved in the oracle's cache. */
  readonly room: number;
  /** Row of `blocks` that holds this position's selection. */
  readonly selectionRow: number;
  /** Rows of the ring per head, min(T, w); w when absent. */
  readonly ring?: number;
}
