import { spreadWorkgroups, type Access, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { listsOf, tileForm, type BlockSparseRun, type BlockSparseShape, type BlockSparseTuning } from "./tuning.ts";

const WORD = 4;
const WIDTH = 256;
/** Totals of pairs and of tiles stand before the lists' counters. */
const TOTALS = 2;

/** Which queries chose which block: plan buffers that blockSparseGpu reads, shared by all layers of an oracle. */
export interface PlanBytes {
  /** u32 [C * lists * k / B]: row * k / B + slot, list after list. */
  readonly planPairs: number;
  /** u32 [tiles, 4]: list of a query, block, first pair, pairs. */
  readonly planTiles: number;
  /** u32 [4]: workgroups as x, y, 1, and their number. */
  readonly planArgs: number;
}

/** Bytes of each plan buffer for such a call; a call with fewer rows at an earlier start fits in them too. */
export function planBytes(
  shape: BlockSparseShape,
  { rows, start }: Pick<BlockSparseRun, "rows" | "start">,
  traits: DeviceTraits,
  tuning?: BlockSparseTuning,
): PlanBytes {
  const { queries } = tileForm(shape, traits, tuning);
  const pairs = rows * listsOf(shape) * shape.slots;
  const lists = Math.min(listsOf(shape) * visibleBlocks(shape, { rows, start }), pairs);
  return { planPairs: pairs * WORD, planTiles: (Math.floor(pairs / queries) + lists) * 4 * WORD, planArgs: 4 * WORD };
}

/** Blocks that the last query of a call may see. */
export function visibleBlocks(
  { block }: Pick<BlockSparseShape, "block">,
  { rows, start }: Pick<BlockSparseRun, "rows" | "start">,
): number {
  return Math.ceil((start + rows) / block);
}

/**
 * Buffers: blocks u32 [>= firstRow + C, lists, k/B], ascending, 0xffffffff in unused slots at the end; written: planPairs,
 * planTiles, planArgs, of the sizes of planBytes.
 */
export function blockDispatchGpu(
  shape: BlockSparseShape,
  traits: DeviceTraits,
  tuning?: BlockSparseTuning,
): GpuOp<BlockSparseRun> {
  const { slots } = shape;
  const ofQuery = listsOf(shape);
  const { queries, queryStep, shares } = tileForm(shape, traits, tuning);
  const program = (
    step: string,
    constants: GpuProgram["constants"],
    bindings: Readonly<Record<string, Access>>,
    params: readonly string[],
  ): GpuProgram => ({
    name: `block-sparse-attention/${step}`,
    sources: [`block-sparse-attention/${step}.wgsl`],
    constants: { WIDTH, ...constants },
    bindings,
    params: Object.fromEntries(params.map((name) => [name, "u32"] as const)),
  });
  const chosen = { LISTS: ofQuery, SLOTS: slots };
  const clear = program("plan_clear", {}, { lists: "read_write" }, ["words", "stride"]);
  const count = program("plan_count", chosen, { blocks: "read", lists: "read_write" }, [
    "pairs",
    "first_row",
    "blocks",
    "stride",
  ]);
  const cut = program(
    "plan_cut",
    { QUERIES: queries, QUERY_STEP: queryStep },
    { lists: "read_write", tiles: "read_write" },
    ["lists", "blocks", "stride"],
  );
  const scatter = program(
    "plan_scatter",
    { ...chosen, SHARES: shares },
    { blocks: "read", lists: "read_write", pairs: "read_write", args: "read_write" },
    ["pairs", "first_row", "blocks", "stride", "most_workgroups"],
  );
  const lists = (run: BlockSparseRun): number => ofQuery * visibleBlocks(shape, run);
  const names = { blocks: "blocks", lists: "planLists", pairs: "planPairs", tiles: "planTiles", args: "planArgs" };
  return {
    programs: [clear, count, cut, scatter],
    scratch: (run) => ({ planLists: (TOTALS + lists(run)) * WORD }),
    dispatches: (run) => {
      const pairs = run.rows * ofQuery * slots;
      const step = (one: GpuProgram, invocations: number) => {
        const workgroups = spreadWorkgroups(Math.ceil(invocations / WIDTH), traits);
        const params = {
          words: TOTALS + lists(run),
          lists: lists(run),
          pairs,
          first_row: run.firstRow,
          blocks: visibleBlocks(shape, run),
          stride: workgroups[0],
          most_workgroups: traits.maxWorkgroups,
        };
        return { program: one, buffers: names, params, workgroups };
      };
      return [step(clear, TOTALS + lists(run)), step(count, pairs), step(cut, lists(run)), step(scatter, pairs)];
    },
  };
}

/** The plan as the device makes it, in one of its orders: lists by place and block, pairs by row. */
export function planOnHost(
  blocks: Int32Array,
  shape: BlockSparseShape,
  run: BlockSparseRun,
  traits: DeviceTraits,
  tuning?: BlockSparseTuning,
): { readonly planPairs: Uint32Array; readonly planTiles: Uint32Array; readonly planArgs: Uint32Array } {
  const { slots } = shape;
  const ofQuery = listsOf(shape);
  const { queries, queryStep, shares } = tileForm(shape, traits, tuning);
  const bytes = planBytes(shape, run, traits, tuning);
  const planPairs = new Uint32Array(bytes.planPairs / WORD);
  const planTiles = new Uint32Array(bytes.planTiles / WORD);
  const count = visibleBlocks(shape, run);
  const lists = Array.from({ length: ofQuery * count }, (): number[] => []);
  for (let i = 0; i < run.rows * ofQuery * slots; i++) {
    const block = blocks[run.firstRow * ofQuery * slots + i]!;
    if (block < 0) continue;
    const head = Math.floor(i / slots) % ofQuery;
    lists[head * count + block]!.push(Math.floor(i / (slots * ofQuery)) * slots + (i % slots));
  }
  let place = 0;
  let tile = 0;
  lists.forEach((list, n) => {
    const share = Math.ceil(list.length / Math.ceil(list.length / queries));
    const each = Math.min(queries, Math.ceil(share / queryStep) * queryStep);
    for (let from = 0; from < list.length; from += each) {
      const pairs = Math.min(each, list.length - from);
      planTiles.set([Math.floor(n / count), n % count, place + from, pairs], 4 * tile++);
    }
    planPairs.set(list, place);
    place += list.length;
  });
  const y = Math.max(1, Math.ceil((tile * shares) / traits.maxWorkgroups));
  return { planPairs, planTiles, planArgs: Uint32Array.of(Math.ceil((tile * shares) / y), y, 1, tile * shares) };
}
