/** Where the cells of the selection map lie: blocks run from left to right and wrap into bands, like words on a page. */
export interface MapLayout {
  readonly columns: number;
  readonly bands: number;
  readonly cell: number;
  readonly rowHeight: number;
  readonly bandHeight: number;
  readonly height: number;
}

export const ROW = 20;
export const ROW_GAP = 3;
/** Room under each band for the numbers of its blocks. */
export const AXIS = 22;
/** Room before each row for its name. */
export const GUTTER = 76;
const NARROWEST = 6;
const WIDEST = 22;

/** A map of `blocks` x `rows` in `width` pixels. */
export function layoutOf(width: number, blocks: number, rows: number): MapLayout {
  const room = Math.max(NARROWEST, width - GUTTER);
  const fit = Math.max(1, Math.floor(room / NARROWEST));
  const bands = Math.max(1, Math.ceil(blocks / fit));
  const columns = Math.max(1, Math.ceil(blocks / bands));
  const cell = Math.min(WIDEST, room / columns);
  const bandHeight = rows * (ROW + ROW_GAP) + AXIS;
  return { columns, bands, cell, rowHeight: ROW, bandHeight, height: bands * bandHeight };
}

/** The top left corner of a cell. */
export function cellAt(layout: MapLayout, row: number, block: number): { x: number; y: number } {
  const band = Math.floor(block / layout.columns);
  return {
    x: GUTTER + (block - band * layout.columns) * layout.cell,
    y: band * layout.bandHeight + row * (layout.rowHeight + ROW_GAP),
  };
}

/** The cell at a point, or undefined beside all cells. */
export function hit(
  layout: MapLayout,
  blocks: number,
  rows: number,
  x: number,
  y: number,
): { row: number; block: number } | undefined {
  const band = Math.floor(y / layout.bandHeight);
  const row = Math.floor((y - band * layout.bandHeight) / (layout.rowHeight + ROW_GAP));
  const column = Math.floor((x - GUTTER) / layout.cell);
  const block = band * layout.columns + column;
  if (x < GUTTER || y < 0 || column >= layout.columns || row >= rows || block >= blocks) return undefined;
  return { row, block };
}

/** The cell an arrow key leads to; undefined for other keys. Left and right pass from band to band. */
export function moved(
  key: string,
  from: { readonly row: number; readonly block: number },
  blocks: number,
  rows: number,
  columns: number,
): { row: number; block: number } | undefined {
  const { row, block } = from;
  switch (key) {
    case "ArrowLeft":
      return { row, block: Math.max(0, block - 1) };
    case "ArrowRight":
      return { row, block: Math.min(blocks - 1, block + 1) };
    case "ArrowUp":
      return row > 0 ? { row: row - 1, block } : block >= columns ? { row: rows - 1, block: block - columns } : from;
    case "ArrowDown":
      if (row < rows - 1) return { row: row + 1, block };
      return block + columns < blocks ? { row: 0, block: block + columns } : from;
    case "Home":
      return { row, block: 0 };
    case "End":
      return { row, block: blocks - 1 };
    default:
      return undefined;
  }
}
