import type { LayerKind } from "../engine.ts";
import type { GpuBlock } from "./allocator.ts";
import type { GpuKvCache } from "./kv-cache.ts";
import type { Extent, NamedOp, Ops } from "./ops.ts";
import { recordOp, type Named } from "./record-op.ts";
import type { Recorder } from "./recorder.ts";
import type { StageLedger } from "./stage-ledger.ts";
import type { LayerBlocks } from "./weights.ts";
import type { Workspace } from "./workspace.ts";

/** What an oracle chose, on the device: rows for the whole context. */
export interface SelectionBlocks {
  /** u32 [T, Hkv, slots] */
  readonly blocks: GpuBlock;
  /** f32 [T, Hkv, slots] */
  readonly selected: GpuBlock;
}

/** The blocks that queries read: u32 [>= firstRow + rows, Hkv, slots]. */
export interface BlockRows {
  readonly blocks: GpuBlock;
  /** The row of the chunk's first query. */
  readonly firstRow: number;
}

/** One layer of one chunk. */
export interface LayerStep extends Extent {
  readonly layer: number;
  readonly kind: LayerKind;
  readonly weights: LayerBlocks;
  readonly cache: GpuKvCache;
  /** Full layers: emit scores; with `selection`, choose blocks too. */
  readonly scores: boolean;
  /** Oracles: where the layer's own choice goes. */
  readonly selection: SelectionBlocks | undefined;
  /** What a sparse layer reads; of an oracle, what the layers after it will. */
  readonly reads: BlockRows | undefined;
  /** Full layers: attend only to the blocks of `reads`, another oracle's, in their own cache. */
  readonly restricted: boolean;
  /** Sinks of the attention to blocks. */
  readonly blockSinks: GpuBlock | undefined;
  /** Sparse layers: the cache of the full layer before. */
  readonly oracle: GpuKvCache | undefined;
}

/**
 * Records a layer as dispatches: hidden states come in the workspace's `x` and leave in it. `q`, and the chunk's keys
 * where `keyPlace` says, stay as they are until the next layer. A chunk of one query takes the decode forms of the
 * attention kernels, whichever phase it belongs to.
 */
export class LayerRecorder {
  readonly #ops: Ops;
  readonly #recorder: Recorder;
  readonly #workspace: Workspace;
  readonly #ledger: StageLedger;
  readonly #rope: Named;

  constructor(ops: Ops, recorder: Recorder, workspace: Workspace, ledger: StageLedger, rope: Named) {
    this.#ops = ops;
    this.#recorder = recorder;
    this.#workspace = workspace;
    this.#ledger = ledger;
    this.#rope = rope;
  }

  record(step: LayerStep): void {
    const { layer, kind, rows } = step;
    if (!this.#ledger.timed) this.#recorder.pass();
    this.#ledger.begin(this.#recorder, layer, "project");
    this.#project(step);
    if (kind === "full") this.#full(step);
    else if (rows === 1) this.#decodeBranches(step);
    else this.#branches(step);
    this.#ledger.begin(this.#recorder, layer, "output");
    this.#output(step);
    this.#ledger.begin(this.#recorder, layer, "mlp");
    this.#mlp(step);
  }

  /** Norm, q | k | v | gates, RoPE, and the new rows of the cache (of the chunk's own buffers before a window). */
  #project(step: LayerStep): void {
    const { kind, rows, start, weights } = step;
    const { norm, project, split } = this.#ops;
    const gated = kind === "sparse" ? "gated" : "plain";
    this.#run(norm, { rows }, { x: this.#at("x"), weight: weights.inputNorm, y: this.#at("normed") });
    this.#run(
      project[gated],
      { rows },
      { x: this.#at("normed"), weight: weights.projection, y: this.#at("projected") },
    );
    const { k, v, room, firstRow } = keyPlace(step, this.#workspace);
    this.#run(
      split[gated],
      { rows, start, room, firstRow },
      { projected: this.#at("projected"), q: this.#at("q"), k, v, ...this.#rope },
    );
  }

  #full(step: LayerStep): void {
    const { layer, rows, start, cache, scores, selection, restricted } = step;
    const { full, fullDecode, topk } = this.#ops;
    if (restricted) {
      this.#ledger.begin(this.#recorder, layer, "attend");
      this.#plan(step);
      this.#sparse(step, cache, this.#at("attended"));
      return;
    }
    this.#ledger.begin(this.#recorder, layer, scores ? "score" : "attend");
    const buffers = {
      q: this.#at("q"),
      k: cache.k,
      v: cache.v,
      out: this.#at("attended"),
      ...(scores ? { scores: this.#at("scores") } : {}),
    };
    const form = scores ? "scored" : "plain";
    const room = cache.rows;
    if (rows === 1) this.#run(fullDecode[form], { position: start, room }, buffers);
    else this.#run(full[form], { rows, start, room }, buffers);
    if (selection === undefined) return;
    this.#ledger.begin(this.#recorder, layer, "select");
    this.#run(topk, { rows, start, firstRow: start }, { scores: this.#at("scores"), ...selection });
    if (rows > 1) this.#plan(step);
  }

  #plan({ rows, start, reads }: LayerStep): void {
    const { blocks, firstRow } = present(reads);
    this.#run(this.#ops.plan, { rows, start, firstRow }, { blocks });
  }

  /** Attention over the blocks of `reads`, which must be those of the last plan. */
  #sparse({ rows, start, reads, blockSinks }: LayerStep, from: GpuKvCache, out: GpuBlock): void {
    const { blocks, firstRow } = present(reads);
    this.#run(
      this.#ops.sparse,
      { rows, start, room: from.rows, firstRow },
      { q: this.#at("q"), k: from.k, v: from.v, blocks, sinks: present(blockSinks), out },
    );
  }

  #branches(step: LayerStep): void {
    const { layer, kind, rows, start, weights, cache, oracle } = step;
    const { window, append } = this.#ops;
    if (kind === "sparse") {
      this.#ledger.begin(this.#recorder, layer, "sparse");
      this.#sparse(step, present(oracle), this.#at("attendedSparse"));
    }
    const ring = { ringK: cache.k, ringV: cache.v };
    const chunk = { k: this.#at("chunkK"), v: this.#at("chunkV") };
    this.#ledger.begin(this.#recorder, layer, "window");
    this.#run(
      window,
      { rows, start, ring: cache.rows },
      {
        q: this.#at("q"),
        ...chunk,
        ...ring,
        sinks: present(weights.windowSinks),
        out: this.#at(kind === "sparse" ? "attendedWindow" : "attended"),
      },
    );
    // Only now: the chunk's first queries still needed what the ring forgets.
    this.#ledger.begin(this.#recorder, layer, "project");
    this.#run(append, { rows, start, ring: cache.rows }, { ...chunk, ...ring });
  }

  /** One query: its own k and v are in the ring already, and both branches share their dispatches. */
  #decodeBranches({ layer, kind, start, weights, cache, reads, oracle, blockSinks }: LayerStep): void {
    const { decode } = this.#ops;
    this.#ledger.begin(this.#recorder, layer, kind === "sparse" ? "sparse" : "window");
    const ring = { q: this.#at("q"), ringK: cache.k, ringV: cache.v, windowSinks: present(weights.windowSinks) };
    if (kind === "window") {
      this.#run(
        decode.window,
        { position: start, room: 0, ring: cache.rows, selectionRow: 0 },
        { ...ring, outWindow: this.#at("attended") },
      );
      return;
    }
    const from = present(oracle);
    const { blocks, firstRow } = present(reads);
    this.#run(
      decode.sparse,
      { position: start, room: from.rows, ring: cache.rows, selectionRow: firstRow },
      {
        ...ring,
        k: from.k,
        v: from.v,
        blocks,
        sparseSinks: present(blockSinks),
        outSparse: this.#at("attendedSparse"),
        outWindow: this.#at("attendedWindow"),
      },
    );
  }

  /** Gates where there are two branches, output projection and residual: `x` to `y`. */
  #output({ kind, rows, weights }: LayerStep): void {
    const { fuse, output } = this.#ops;
    if (kind === "sparse") {
      this.#run(
        fuse,
        { rows },
        {
          sparse: this.#at("attendedSparse"),
          window: this.#at("attendedWindow"),
          projected: this.#at("projected"),
          out: this.#at("attended"),
        },
      );
    }
    this.#run(
      output,
      { rows },
      { x: this.#at("attended"), weight: weights.output, residual: this.#at("x"), y: this.#at("y") },
    );
  }

  /** Norm, SwiGLU and residual: `y` to `x`. */
  #mlp({ rows, weights }: LayerStep): void {
    const { norm, gateUp, swiglu, down } = this.#ops;
    this.#run(norm, { rows }, { x: this.#at("y"), weight: weights.postNorm, y: this.#at("normed") });
    this.#run(gateUp, { rows }, { x: this.#at("normed"), weight: weights.gateUp, y: this.#at("gateUp") });
    this.#run(swiglu, { rows }, { gateUp: this.#at("gateUp"), y: this.#at("inner") });
    this.#run(
      down,
      { rows },
      { x: this.#at("inner"), weight: weights.down, residual: this.#at("y"), y: this.#at("x") },
    );
  }

  #at(name: string): GpuBlock {
    return this.#workspace.get(name);
  }

  #run<Run>(op: NamedOp<Run>, run: Run, buffers: Named): void {
    recordOp(this.#recorder, this.#workspace, op, run, buffers);
  }
}

/** Where a step's new keys and values go: halves [Hkv, room, d], from row `firstRow` of each head on. */
export interface KeyPlace {
  readonly k: GpuBlock;
  readonly v: GpuBlock;
  readonly room: number;
  readonly firstRow: number;
}

/** The cache itself, but for a window's chunk of many: its first queries still need what the ring will forget. */
export function keyPlace(
  { kind, rows, start, cache }: Pick<LayerStep, "kind" | "rows" | "start" | "cache">,
  workspace: Workspace,
): KeyPlace {
  if (kind !== "full" && rows > 1) {
    return { k: workspace.get("chunkK"), v: workspace.get("chunkV"), room: rows, firstRow: 0 };
  }
  const { k, v, rows: room } = cache;
  return { k, v, room, firstRow: kind === "full" ? start : start % room };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the step lacks what its kind of layer needs");
  return value;
}
