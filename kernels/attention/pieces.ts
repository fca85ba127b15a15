import type { GpuProgram } from "../gpu-op.ts";

/** What pieces.wgsl takes for a piece: 16 or 8 bytes of a row, loaded at once. */
export interface Pieces extends Required<Pick<GpuProgram, "sources" | "constants" | "aliases">> {
  /** Values of a piece. */
  readonly size: 8 | 4;
}

/** The largest pieces that rows of `headDim` 16-bit values, a multiple of 4, are made of. */
export function piecesOf(headDim: number): Pieces {
  const size = headDim % 8 === 0 ? 8 : 4;
  return {
    size,
    sources: ["attention/pieces.wgsl"],
    constants: { PIECE: size },
    aliases: { Piece: `vec${size / 2}<u32>` },
  };
}
