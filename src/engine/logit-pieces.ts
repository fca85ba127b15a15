/** Bytes that one piece of the logits told to an observer may take. */
const PIECE_BYTES = 32 * 1024 * 1024;

/** Positions per piece of `onLogits`. */
export function logitRows(vocabulary: number): number {
  return Math.max(1, Math.floor(PIECE_BYTES / (vocabulary * Float32Array.BYTES_PER_ELEMENT)));
}
