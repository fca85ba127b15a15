import type { BlockTopkOutput } from "../../../kernels/block-topk/block-topk.ts";
import type { RopeTurn } from "../../../kernels/rope/rope.ts";
import type { Architecture } from "../../model/architecture.ts";
import type { LayerWeights } from "../../model/model.ts";
import type { Chunk } from "../decoder/body.ts";
import type { LayerRole } from "../decoder/roles.ts";
import type { Stage } from "../engine.ts";
import type { FullCache, KeyValues, NewRows, WindowCache } from "./caches.ts";
import type { KvType } from "./kv-type.ts";

/** Blocks that this chunk's queries read, as block-topk gives them, [C, Hkv, k / B], and the cache they lie in. */
export interface BlockReads {
  readonly keyValues: KeyValues;
  readonly blocks: Int32Array;
}

/** What a layer that scores its blocks owes others. */
export interface Scoring {
  /** Blocks must be chosen for later layers. */
  readonly chooses: boolean;
  /** Given the scores [C, Hkv, blocks], and the choice where there is one, before the layer goes on. */
  deliver(scores: Float64Array, chosen: BlockTopkOutput | undefined): void;
}

/** Runs one step of a layer and reports its time under `stage`. */
export type Timed = <T>(stage: Stage, work: () => T) => T;

/** One layer over one chunk: its weights, its input, and where it stands. */
export interface LayerStep {
  readonly architecture: Architecture;
  readonly role: LayerRole;
  /** How queries and keys turn. */
  readonly turn: RopeTurn;
  readonly weights: LayerWeights<Float32Array>;
  readonly cache: FullCache | WindowCache;
  /** Of the further streams that it keeps. */
  readonly more: readonly (FullCache | WindowCache)[];
  readonly chunk: Chunk;
  /** The queries are decoded tokens, not a prompt's. */
  readonly decoding: boolean;
  /** [C, E] */
  readonly hidden: Float64Array;
  readonly timed: Timed;
  /** What a layer that reads through another's choice reads; absent also where a swap silences it. */
  readonly reads: BlockReads | undefined;
  /** Of a layer whose scores nobody wants, undefined: it computes none. */
  readonly scoring: Scoring | undefined;
  /** What the caches keep of new rows; as they are when absent. */
  readonly kvType: KvType | undefined;
  /** Told of the queries [C, Hq, d] and own keys [C, Hkv, d] after RoPE, and of the values [C, Hkv, d]. */
  readonly onProjected: ((queries: Float64Array, rows: NewRows) => void) | undefined;
}
