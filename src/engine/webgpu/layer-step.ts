import { ringRow } from "../../../kernels/sliding-window/ring.ts";
import type { Chunk } from "../decoder/body.ts";
import type { LayerRole } from "../decoder/roles.ts";
import type { HeldSelection } from "../device-selections.ts";
import type { Stage } from "../engine.ts";
import type { GpuBlock } from "./allocator.ts";
import type { GpuKvCache } from "./kv-cache.ts";
import type { NamedOp, Ops } from "./ops.ts";
import type { Named } from "./record-op.ts";
import type { LayerBlocks } from "./weights.ts";
import type { Workspace } from "./workspace.ts";

/** The blocks that queries read: u32 [>= firstRow + rows, Hkv, slots]. */
export interface BlockRows {
  readonly blocks: GpuBlock;
  /** The row of the chunk's first query. */
  readonly firstRow: number;
}

/** One layer of one chunk. */
export interface LayerStep extends Chunk {
  readonly layer: number;
  /** The queries are decoded tokens, not a prompt's. */
  readonly decoding: boolean;
  readonly role: LayerRole;
  readonly weights: LayerBlocks;
  readonly cache: GpuKvCache;
  /** Emit block scores; with `selection`, choose blocks too. */
  readonly scores: boolean;
  /** Where the layer's own choice goes. */
  readonly selection: HeldSelection<GpuBlock> | undefined;
  /** The choice is put in the order in which layers read it: not for single queries of layers that take them as they lie. */
  readonly plans: boolean;
  /** What a layer reads through another's choice; of one that chooses, what the layers after it will. */
  readonly reads: BlockRows | undefined;
  /** The cache that the blocks which a layer reads lie in. */
  readonly from: GpuKvCache;
  /** Sinks of the attention to blocks. */
  readonly blockSinks: GpuBlock | undefined;
}

/** Where the parts of a layer are recorded. */
export interface Recording {
  readonly ops: Ops;
  /** Begins a stage: a pass of its own where stages are timed. */
  begin(layer: number, stage: Stage): void;
  /** A buffer of the workspace. */
  at(name: string): GpuBlock;
  run<Run>(op: NamedOp<Run>, run: Run, buffers: Named): void;
}

/** Where a step's new keys and values go: halves [Hkv, room, d], from row `firstRow` of each head on. */
export interface KeyPlace {
  readonly k: GpuBlock;
  readonly v: GpuBlock;
  readonly room: number;
  readonly firstRow: number;
}

/** The cache itself, but for a ring's chunk of many: its first queries still need what the ring will forget. */
export function keyPlace(
  { role, rows, start, cache }: Pick<LayerStep, "role" | "rows" | "start" | "cache">,
  workspace: Pick<Workspace, "get">,
): KeyPlace {
  const { keeps } = role;
  if (keeps.kind === "ring" && rows > 1) {
    return { k: workspace.get("chunkK"), v: workspace.get("chunkV"), room: rows, firstRow: 0 };
  }
  const { k, v, rows: room } = cache;
  return { k, v, room, firstRow: keeps.kind === "ring" ? ringRow(start, room, keeps.first) : start };
}

/** @throws Error where the step lacks what its mixer needs */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the step lacks what its mixer needs");
  return value;
}
