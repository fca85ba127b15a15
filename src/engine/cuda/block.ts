/** Memory of the device. */
export interface CudaBlock {
  readonly address: bigint;
  /** Bytes asked for. */
  readonly bytes: number;
}
