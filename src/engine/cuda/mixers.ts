import type { MixerTable } from "../decoder/mixers.ts";
import { firstOf, windowOf } from "../decoder/roles.ts";
import type { CudaBlock } from "./block.ts";
import type { LayerStep } from "./layer-step.ts";

/**
 * Launches attention from the workspace's `q` to `attended`, or, of a layer with gates, to `attendedSparse` and
 * `attendedWindow`.
 */
type Mixer = (step: LayerStep) => void;

export const MIXERS: MixerTable<Mixer> = {
  full: (step) => {
    if (step.reads === undefined) {
      everything(step);
      return;
    }
    // Like any full layer's, without sinks.
    step.begin("attend");
    inBlocks(step, undefined, step.at("attended"));
  },

  sparse: (step) => {
    const { weights, at, ops, rows } = step;
    step.begin("sparse");
    if (step.reads === undefined) ops.zero(at("attendedSparse"), rows);
    else inBlocks(step, weights.sparseSinks, at("attendedSparse"));
    inWindow(step, weights.windowSinks, at("attendedWindow"));
  },

  window: (step) => inWindow(step, step.weights.windowSinks, step.at("attended")),

  // The first tokens take what a learned sink would.
  streaming: (step) => inWindow(step, undefined, step.at("attended")),

  moba: { declined: "it has no kernel for MoBA yet" },

  reuse: { declined: "its choice of blocks has no room yet for those that are always read" },
  nsa: { declined: "it has no kernels for NSA yet" },
};

/** Causal attention to the whole cache, with scores and a choice by them where anyone asks. */
function everything({ cache, ops, at, scores, choice, begin, rows, start }: LayerStep): void {
  begin(scores ? "score" : "attend");
  const { fullAttention } = ops;
  const chosen = fullAttention.choosesToo(rows);
  fullAttention.run({
    ...{ q: at("q"), keys: cache, out: at("attended"), rows, start },
    scored: scores ? { maxima: at("maxima"), lse: at("lse"), scores: at("scores") } : undefined,
    partials: { values: at("partials"), sums: at("partialSums") },
    choice: chosen ? choice : undefined,
  });
  if (choice === undefined) return;
  begin("select");
  if (!chosen) ops.topk(at("scores"), choice, { rows, start });
}

function inBlocks(step: LayerStep, sinks: bigint | undefined, out: CudaBlock): void {
  const { reads, ops, at } = step;
  if (reads === undefined) throw new Error(`layer ${step.layer} has no blocks to read`);
  const buffers = {
    ...{ counts: at("counts"), offsets: at("offsets"), items: at("items"), entries: at("entries") },
    ...{ partial: at("partial"), logs: at("logs") },
  };
  ops.blocks(at("q"), reads.cache, reads.blocks, sinks, out, step, buffers);
}

/** Attention to the layer's own window; then the ring gains the chunk, unless it is one token, which lies there already. */
function inWindow(step: LayerStep, sinks: bigint | undefined, out: CudaBlock): void {
  const { role, cache, ops, at, rows, start, begin } = step;
  const own = rows > 1 ? { k: at("chunkK").address, v: at("chunkV").address, rows } : undefined;
  const first = firstOf(role);
  begin("window");
  ops.window(at("q"), cache, own, sinks, out, { rows, start, window: windowOf(role), first });
  if (own === undefined) return;
  begin("project");
  ops.append(own, cache, start, first);
}
