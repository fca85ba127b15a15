import { ringRow } from "../../../kernels/sliding-window/ring.ts";
import type { Chunk } from "../decoder/body.ts";
import type { LayerRole } from "../decoder/roles.ts";
import type { Stage } from "../engine.ts";
import type { CudaBlock } from "./block.ts";
import type { CudaKvCache } from "./kv-cache.ts";
import type { KeysAt } from "./launches.ts";
import type { CudaOps } from "./ops.ts";
import type { CudaLayer } from "./weights.ts";

/** One layer of one chunk. */
export interface LayerStep extends Chunk {
  readonly layer: number;
  readonly role: LayerRole;
  readonly weights: CudaLayer;
  readonly cache: CudaKvCache;
  readonly ops: CudaOps;
  /** A buffer of the workspace. */
  readonly at: (name: string) => CudaBlock;
  /** Begins a stage. */
  readonly begin: (stage: Stage) => void;
  /** Block scores are computed, and with `choice` blocks are chosen by them. */
  readonly scores: boolean;
  readonly choice: { readonly blocks: bigint; readonly scores: bigint } | undefined;
  /** What it reads through another layer's choice: u32 [rows, Hkv, slots], of a cache. Absent where a swap silences it. */
  readonly reads: { readonly cache: CudaKvCache; readonly blocks: bigint } | undefined;
}

/** Where a step's new keys and values go: the cache, but for a ring's chunk of many, whose first queries need what it forgets. */
export function keyPlace({ role, rows, start, cache, at }: LayerStep): KeysAt & { readonly firstRow: number } {
  const { keeps } = role;
  if (keeps.kind === "ring" && rows > 1) {
    return { k: at("chunkK").address, v: at("chunkV").address, rows, firstRow: 0 };
  }
  const { k, v, rows: room } = cache;
  return { k, v, rows: room, firstRow: keeps.kind === "ring" ? ringRow(start, room, keeps.first) : start };
}
