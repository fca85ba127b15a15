import type { NsaTensor } from "../../designs/nsa/weights.ts";
import { branchesOf, gateOf, type LayerPlan } from "../../designs/plan.ts";
import { extraOf } from "../../model/extra-weights.ts";
import type { LayerWeights, SparseWeights } from "../../model/model.ts";
import type { MixerTable } from "../decoder/mixers.ts";
import { windowOf } from "../decoder/roles.ts";
import type { RunObserver } from "../engine.ts";
import type { BlockList, OracleSelection } from "../selection.ts";
import type { Attention, Branch } from "./attention.ts";
import type { Compression } from "./compression.ts";
import type { Projected } from "./dense.ts";
import type { KvCache } from "./kv-cache.ts";
import type { StageClock } from "./stage-clock.ts";

/** One layer's attention over one chunk. */
export interface Mix {
  readonly attention: Attention;
  readonly clock: StageClock;
  readonly plan: LayerPlan;
  readonly projected: Projected;
  /** The queries are decoded tokens, not a prompt's. */
  readonly decoding: boolean;
  readonly weights: Pick<LayerWeights<Float32Array>, "sparse" | "extra">;
  /** The layer's own; a ring does not hold the chunk yet, whose first queries need what it overwrites. */
  readonly cache: KvCache;
  /** Of a layer that keeps further streams: their caches, and what computes with them. */
  readonly further?: { readonly caches: readonly KvCache[]; readonly compression: Compression };
  /** What it reads through another layer's choice: blocks [C, Hkv, k / B] of `cache`. Absent where a swap silences it. */
  readonly reads: { readonly cache: KvCache; readonly blocks: BlockList } | undefined;
  /** Where the layer's own choice goes, and who is told its scores; undefined where it computes none. */
  readonly scored:
    { readonly into: OracleSelection | undefined; readonly onScores: RunObserver["onScores"] } | undefined;
  /** [C, Hq d] */
  readonly out: Float32Array;
}

type Mixer = (mix: Mix) => Promise<void>;

/** Attention by mixer; the gates are applied as the branches are written. */
export const MIXERS: MixerTable<Mixer> = {
  full: ofOwnKeys,
  reuse: ofOwnKeys,

  sparse: async (mix) => {
    const { attention, clock, projected, reads, out } = mix;
    const { sparseSinks, windowSinks } = mixing(mix);
    if (reads !== undefined) {
      const branch = { sinks: sparseSinks, gate: projected.gs, out };
      await attention.sparse(projected, reads.cache, reads.blocks, branch, clock);
    }
    await inWindow(mix, { sinks: windowSinks, gate: projected.gw, add: reads !== undefined, out });
  },

  window: (mix) => inWindow(mix, { sinks: mixing(mix).windowSinks, out: mix.out }),

  moba: ({ attention, clock, plan, projected, cache, decoding, out }) => {
    const gate = gateOf(plan);
    return decoding && gate.decode === "dense"
      ? attention.full(projected, cache, out, clock)
      : attention.ownChoice(projected, cache, gate, out, clock);
  },

  nsa: async (mix) => {
    const { attention, further, projected, weights, out, plan } = mix;
    const [near, pending, compressed] = further?.caches ?? [];
    if (!near || !pending || !compressed) throw new Error("a layer of three branches lacks a cache");
    await further?.compression.attend({ ...mix, extra: weights.extra, pending, compressed });
    const of = (name: NsaTensor): Float32Array => extraOf(projected.extra, name);
    const own = {
      plan: { keeps: branchesOf(plan).window },
      projected: { ...projected, k: of("windowK"), v: of("windowV") },
    };
    await inWindow(
      { ...mix, ...own, cache: near },
      { sinks: attention.noSinks, gate: of("windowGate"), add: true, out },
    );
  },

  // The first tokens take what a learned sink would.
  streaming: (mix) => inWindow(mix, { sinks: mix.attention.noSinks, out: mix.out }),
};

/** Attention to the layer's own keys: those in the blocks that another layer chose for it, else all. */
function ofOwnKeys({ attention, clock, plan, projected, cache, reads, scored, out }: Mix): Promise<void> {
  if (reads === undefined) {
    return attention.full(projected, cache, out, clock, scored && { ...scored, forced: plan.choice?.forced });
  }
  // Like any full layer's, without sinks.
  return attention.sparse(projected, reads.cache, reads.blocks, { sinks: attention.noSinks, out }, clock);
}

/** Attention to what the layer itself keeps; the ring gains the chunk. */
async function inWindow(
  {
    attention,
    clock,
    plan,
    projected,
    cache,
  }: Pick<Mix, "attention" | "clock" | "projected" | "cache"> & { plan: Pick<LayerPlan, "keeps"> },
  branch: Branch,
): Promise<void> {
  const { layer, start, count, k, v } = projected;
  await attention.window(projected, { ring: cache, w: windowOf(plan), k, v }, branch, clock);
  await clock.time(layer, "project", () => cache.append(k, v, start, count));
}

/** Gates and sinks of a layer that does more than attend to everything. */
function mixing({ weights, projected }: Mix): SparseWeights<Float32Array> {
  if (weights.sparse === undefined) throw new Error(`layer ${projected.layer} has no gates and sinks`);
  return weights.sparse;
}
