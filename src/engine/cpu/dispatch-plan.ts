import type { OracleSelection } from "../selection.ts";

/** The blocks that a chunk's queries read: [C, Hkv, slots], ascending, `none` in unused slots, which are last. */
export interface ChosenBlocks {
  readonly kvHeads: number;
  readonly slots: number;
  readonly blocks: Uint16Array | Uint32Array | Int32Array;
  readonly none: number;
}

/** What `selection` holds for the queries from `start` on. */
export function chosenFrom({ kvHeads, slots, blocks, none }: OracleSelection, start: number): ChosenBlocks {
  return { kvHeads, slots, blocks: blocks.subarray(start * kvHeads * slots), none };
}

/** Tiles of R pairs; a pair's row is its place in tile order, padding pairs point at query 0 and are never read back. */
export interface Tiles {
  /** Block of each tile; for diagonal tiles counted from the first block that holds a query. [tiles] */
  readonly blocks: Int32Array;
  /** Query row (within the chunk) of each pair. [tiles, R] */
  readonly queries: Int32Array;
}

/** Who multiplies with which block: made once per oracle and chunk, reused by all its sparse layers. One KV head. */
export interface DispatchPlan {
  /** Pairs per tile, R. */
  readonly rows: number;
  readonly past: Tiles;
  readonly diagonal: Tiles;
  /** Last visible position inside the own block, per diagonal pair. [tiles, R] */
  readonly limits: Int32Array;
  /** Place of each (query, slot) pair among past pairs, diagonal pairs and one dummy. [C, slots] */
  readonly slots: Int32Array;
}

/** Tile heights tried; the cheapest for this selection wins. */
const HEIGHTS = [1, 4, 8, 16, 32, 64];
/** What a tile costs besides its rows (gathering K and V, packing them), in query rows: fitted on two cores, G = 3. */
const TILE_OVERHEAD_ROWS = 12;

/**
 * Counting sort of a chunk's (query, slot) pairs by block (the dispatch of a mixture of experts). Queries are positions
 * start .. start + count - 1, which read `chosen`, with `block` = B; `group` = G query heads move together.
 */
export function planDispatch(
  { slots, kvHeads, blocks, none }: ChosenBlocks,
  kvHead: number,
  start: number,
  count: number,
  block: number,
  group: number,
): DispatchPlan {
  const firstOwn = Math.floor(start / block);
  const lastOwn = Math.floor((start + count - 1) / block);
  const pastCounts = new Int32Array(lastOwn + 1);
  const ownCounts = new Int32Array(lastOwn - firstOwn + 1);
  const eachPair = (visit: (row: number, slot: number, index: number, own: number) => void): void => {
    for (let row = 0; row < count; row++) {
      const from = (row * kvHeads + kvHead) * slots;
      const own = Math.floor((start + row) / block);
      for (let slot = 0; slot < slots; slot++) {
        const index = blocks[from + slot]!;
        if (index === none) break;
        visit(row, slot, index, own);
      }
    }
  };
  eachPair((_row, _slot, index, own) => {
    if (index === own) ownCounts[own - firstOwn]!++;
    else pastCounts[index]!++;
  });

  const rows = bestHeight([pastCounts, ownCounts], group);
  const past = layOut(pastCounts, rows);
  const diagonal = layOut(ownCounts, rows);
  const limits = new Int32Array(diagonal.tiles.queries.length);
  const pastPairs = past.tiles.queries.length;
  const dummy = pastPairs + limits.length;
  const places = new Int32Array(count * slots).fill(dummy);
  eachPair((row, slot, index, own) => {
    if (index === own) {
      const place = diagonal.next[own - firstOwn]!++;
      diagonal.tiles.queries[place] = row;
      limits[place] = (start + row) % block;
      places[row * slots + slot] = pastPairs + place;
    } else {
      const place = past.next[index]!++;
      past.tiles.queries[place] = row;
      places[row * slots + slot] = place;
    }
  });
  return { rows, past: past.tiles, diagonal: diagonal.tiles, limits, slots: places };
}

function bestHeight(counts: readonly Int32Array[], group: number): number {
  let best = HEIGHTS[0]!;
  let least = Infinity;
  for (const rows of HEIGHTS) {
    let tiles = 0;
    for (const list of counts) for (const pairs of list) tiles += Math.ceil(pairs / rows);
    const cost = tiles * (rows * group + TILE_OVERHEAD_ROWS);
    if (cost < least) {
      least = cost;
      best = rows;
    }
  }
  return best;
}

/** Tiles for `counts[b]` pairs of each block b, and the next free pair of each block. At least one tile: no empty tensor. */
function layOut(counts: Int32Array, rows: number): { tiles: Tiles; next: Int32Array } {
  let total = 0;
  for (const pairs of counts) total += Math.ceil(pairs / rows);
  total = Math.max(1, total);
  const blocks = new Int32Array(total);
  const next = new Int32Array(counts.length);
  let tile = 0;
  counts.forEach((pairs, index) => {
    next[index] = tile * rows;
    const end = tile + Math.ceil(pairs / rows);
    blocks.fill(index, tile, end);
    tile = end;
  });
  return { tiles: { blocks, queries: new Int32Array(total * rows) }, next };
}
