import type { DeviceTraits } from "../gpu-op.ts";

/** Shapes of matrix_tiles.wgsl. */
export interface MatrixTile {
  /** A workgroup's tile of y. */
  readonly rows: number;
  readonly outputs: number;
  /** Rows and outputs of a subgroup's part of it; 64 goes with slices of 32. */
  readonly part: 64 | 32;
  /** Columns of K per round through workgroup memory. */
  readonly slice: 32 | 64 | 128;
  /** Subgroups that share the columns of one part. */
  readonly depth: 1 | 2 | 4;
  /** Tiles along M whose rows of x stay in the cache while all of W passes. */
  readonly band: number;
}

export interface MatrixTuning {
  readonly tile: MatrixTile;
  /** Whether x is made halves before, once, rather than by every tile that reads it. */
  readonly halves: boolean;
}

/** The tunings worth timing. */
export const matrixTunings = {
  large: { tile: { rows: 128, outputs: 128, part: 64, slice: 32, depth: 1, band: 8 }, halves: true },
  largeWide: { tile: { rows: 128, outputs: 128, part: 64, slice: 32, depth: 1, band: 16 }, halves: true },
  largeDirect: { tile: { rows: 128, outputs: 128, part: 64, slice: 32, depth: 1, band: 8 }, halves: false },
  medium: { tile: { rows: 64, outputs: 64, part: 32, slice: 32, depth: 1, band: 16 }, halves: false },
  mediumDeep: { tile: { rows: 64, outputs: 64, part: 32, slice: 64, depth: 1, band: 16 }, halves: false },
  low: { tile: { rows: 32, outputs: 64, part: 32, slice: 32, depth: 1, band: 16 }, halves: false },
  lowDeep: { tile: { rows: 32, outputs: 64, part: 32, slice: 64, depth: 2, band: 16 }, halves: false },
  small: { tile: { rows: 32, outputs: 32, part: 32, slice: 64, depth: 2, band: 16 }, halves: false },
  smallDeep: { tile: { rows: 32, outputs: 32, part: 32, slice: 128, depth: 4, band: 16 }, halves: false },
} as const satisfies Readonly<Record<string, MatrixTuning>>;

const { large, largeDirect, mediumDeep, smallDeep } = matrixTunings;

/** The defaults by size, the largest tile first: one is taken when it makes `WORKGROUPS` of them, else the last. */
const defaults: readonly MatrixTuning[] = [large, mediumDeep, smallDeep];
/** Fewer leave parts of a big device without work. */
const WORKGROUPS = 160;
/** Making halves of x pays where many tiles read them and the product is long beside one more dispatch. */
const HALVES = { outputs: 2048, weights: 2 ** 22 } as const;

/** Tunings for a product of this shape, the largest tile first. */
export function matrixChoices({ inputs, outputs }: { readonly inputs: number; readonly outputs: number }) {
  const worth = outputs >= HALVES.outputs && inputs * outputs >= HALVES.weights;
  return defaults.map((one) => (one === large && !worth ? largeDirect : one));
}

/** The first that makes enough workgroups for `rows` rows. */
export function chooseMatrix<T extends { readonly tuning: MatrixTuning }>(
  choices: readonly T[],
  rows: number,
  outputs: number,
): T {
  const enough = choices.find(
    ({ tuning: { tile } }) => Math.ceil(rows / tile.rows) * Math.ceil(outputs / tile.outputs) >= WORKGROUPS,
  );
  return enough ?? choices.at(-1)!;
}

const SUBGROUP = 32;
const SIDE = 16;
/** Values of a row that are moved at once. */
const EIGHT = 8;

export function matrixThreads({ rows, outputs, part, depth }: MatrixTile): number {
  return (rows / part) * (outputs / part) * depth * SUBGROUP;
}

export function matrixTileFits(tile: MatrixTile, { workgroupStorageBytes, maxInvocations }: DeviceTraits): boolean {
  const threads = matrixThreads(tile);
  const operands = (tile.rows + tile.outputs) * (tile.slice + EIGHT) * 2;
  const edges = (threads / SUBGROUP) * SIDE * (2 * SIDE + 4) * 4;
  return operands + edges <= workgroupStorageBytes && threads <= maxInvocations;
}

export function describeMatrixTuning({ tile, halves }: MatrixTuning): string {
  const { rows, outputs, part, slice, depth, band } = tile;
  return `matrix tile=${rows}x${outputs} part=${part} slice=${slice} depth=${depth} band=${band} x=${halves ? "f16" : "f32"}`;
}
