import { blockGate } from "../../../kernels/block-gate/reference.ts";
import { blockSparseAttention } from "../../../kernels/block-sparse-attention/reference.ts";
import { OWN_BLOCK } from "../../../kernels/block-topk/block-topk.ts";
import { blockTopk } from "../../../kernels/block-topk/reference.ts";
import { fullAttention, scoredAttention } from "../../../kernels/full-attention/reference.ts";
import { gateFusion } from "../../../kernels/gate-fusion/reference.ts";
import type { NumericArray } from "../../../kernels/numeric-array.ts";
import { slidingWindow } from "../../../kernels/sliding-window/reference.ts";
import { gateOf } from "../../designs/plan.ts";
import { selectedBlocks } from "../../model/architecture.ts";
import type { MixerTable } from "../decoder/mixers.ts";
import { windowOf } from "../decoder/roles.ts";
import { threeBranches } from "./branches.ts";
import { FullCache } from "./caches.ts";
import { headCounts, noSinks } from "./head-counts.ts";
import { mixing, type Projected } from "./project.ts";
import type { BlockReads, LayerStep } from "./step.ts";

/** Attends inside the stage `attend` and returns what is left for `output`: a function that yields [C, Hq * d]. */
type Mixer = (step: LayerStep, projected: Projected) => () => Float64Array;

export const MIXERS: MixerTable<Mixer> = {
  full: ofOwnKeys,
  reuse: ofOwnKeys,

  /** Two branches of one q': the oracle's blocks and the layer's own window, mixed by gates of its input (eq. 4-9). */
  sparse: (step, projected) => {
    const { architecture, reads, timed } = step;
    const { sparseSinks } = mixing(step);
    const { queries, gates } = projected;
    if (gates === undefined) throw new Error("a layer of two branches was projected without gates");
    const branches = {
      // Nothing to read under a swap: as if all attention went to the sink.
      sparse:
        reads === undefined
          ? new Float64Array(queries.length)
          : timed("sparse", () => inBlocks(step, queries, reads, sparseSinks)),
      window: inWindow(step, projected, mixing(step).windowSinks),
    };
    return () => gateFusion({ ...branches, ...gates, ...headCounts(step), kind: architecture.gate });
  },

  window: (step, projected) => {
    const out = inWindow(step, projected, mixing(step).windowSinks);
    return () => out;
  },

  /** Every query head reads the blocks whose means answer it best, and its own (MoBA, arXiv 2502.13189). */
  moba: (step, projected) => {
    const dense = step.decoding && gateOf(step.role).decode === "dense";
    const out = dense ? everything(step, projected) : ownChoice(step, projected);
    return () => out;
  },

  nsa: (step, projected) => {
    const out = threeBranches(step, projected);
    return () => out;
  },

  /** The first tokens take what a learned sink would. */
  streaming: (step, projected) => {
    const out = inWindow(step, projected, noSinks(step));
    return () => out;
  },
};

/** Attention to the layer's own keys: those in the blocks that another layer chose for it, else all. */
function ofOwnKeys(step: LayerStep, projected: Projected): () => Float64Array {
  const out = step.reads === undefined ? everything(step, projected) : restricted(step, projected, step.reads);
  return () => out;
}

/** Full causal attention, with block scores and a choice by them where anyone asks (eq. 1-3). */
function everything(step: LayerStep, { queries, own }: Projected): Float64Array {
  const { architecture, chunk, role, scoring, timed } = step;
  const input = { queries, ...own, ...headCounts(step) };
  if (scoring === undefined) return fullAttention(input);
  const { block, kvHeads } = architecture;
  const { out, groupScores } = timed("score", () => scoredAttention({ ...input, block }));
  const shape = { scores: groupScores, blocks: Math.ceil((chunk.start + chunk.rows) / block), block, kvHeads };
  const slots = selectedBlocks(architecture);
  const forced = role.choice?.forced;
  const chosen = scoring.chooses
    ? timed("select", () => blockTopk({ ...shape, slots, start: chunk.start, forced }))
    : undefined;
  scoring.deliver(groupScores, chosen);
  return out;
}

function ownChoice(step: LayerStep, { queries, own }: Projected): Float64Array {
  const { cache, timed, role } = step;
  if (!(cache instanceof FullCache)) throw new Error("a layer that chooses blocks of its own keeps every token");
  const { block, top } = gateOf(role);
  const { kvHeads, ...rest } = headCounts(step);
  const { queryHeads } = rest;
  const blocks = timed("select", () => {
    const scores = blockGate({ queries, means: cache.means, kvHeads, ...rest, block });
    const shape = { kvHeads: queryHeads, blocks: Math.ceil((rest.start + step.chunk.rows) / block), block };
    return blockTopk({ scores, ...shape, slots: top, start: rest.start, forced: OWN_BLOCK }).blocks;
  });
  const sinks = noSinks(step);
  return timed("sparse", () =>
    blockSparseAttention({ queries, ...own, blocks, lists: queryHeads, sinks, block, slots: top, kvHeads, ...rest }),
  );
}

/** Attention inside some blocks of its own cache; like any full layer's, without a sink. */
function restricted(step: LayerStep, { queries }: Projected, reads: BlockReads): Float64Array {
  return step.timed("sparse", () => inBlocks(step, queries, reads, noSinks(step)));
}

function inWindow(step: LayerStep, { queries, own }: Projected, sinks: NumericArray): Float64Array {
  const window = windowOf(step.role);
  return step.timed("window", () => slidingWindow({ queries, ...own, sinks, window, ...headCounts(step) }));
}

function inBlocks(
  step: LayerStep,
  queries: Float64Array,
  { keyValues, blocks }: BlockReads,
  sinks: NumericArray,
): Float64Array {
  const { block } = step.architecture;
  const slots = selectedBlocks(step.architecture);
  return blockSparseAttention({ queries, ...keyValues, blocks, sinks, block, slots, ...headCounts(step) });
}
