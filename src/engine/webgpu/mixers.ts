import { gateOf } from "../../designs/plan.ts";
import type { MixerTable } from "../decoder/mixers.ts";
import type { GpuBlock } from "./allocator.ts";
import { present, type LayerStep, type Recording } from "./layer-step.ts";

/**
 * Records attention from the workspace's `q` to `attended`, or, of a layer with gates, to `attendedSparse` and
 * `attendedWindow`. A chunk of one query takes the decode forms of the kernels, whichever phase it belongs to.
 */
type Mixer = (recording: Recording, step: LayerStep) => void;

export const MIXERS: MixerTable<Mixer> = {
  full: (recording, step) => {
    if (step.role.restricted) restricted(recording, step);
    else everything(recording, step);
  },

  reuse: (recording, step) => {
    recording.begin(step.layer, "sparse");
    inBlocks(recording, step, recording.at("attended"));
  },

  sparse: (recording, step) => {
    recording.begin(step.layer, "sparse");
    if (step.rows === 1) {
      bothBranches(recording, step);
      return;
    }
    inBlocks(recording, step, recording.at("attendedSparse"));
    inWindow(recording, step, present(step.weights.windowSinks), recording.at("attendedWindow"));
  },

  window: (recording, step) => windowAlone(recording, step, present(step.weights.windowSinks)),

  moba: (recording, step) => {
    if (step.decoding && gateOf(step.role).decode === "dense") everything(recording, step);
    else ownChoice(recording, step);
  },

  nsa: { declined: "it has no kernels for NSA yet" },

  // The first tokens take what a learned sink would.
  streaming: (recording, step) => windowAlone(recording, step, step.weights.noSinks),
};

/** Causal attention to the whole cache, with scores and a choice by them where anyone asks. */
function everything(recording: Recording, step: LayerStep): void {
  const { layer, rows, start, cache, scores, selection, plans } = step;
  const { full, fullDecode, topk } = recording.ops;
  recording.begin(layer, scores ? "score" : "attend");
  const buffers = {
    q: recording.at("q"),
    k: cache.k,
    v: cache.v,
    out: recording.at("attended"),
    ...(scores ? { scores: recording.at("scores") } : {}),
  };
  const form = scores ? "scored" : "plain";
  const room = cache.rows;
  if (rows === 1) recording.run(fullDecode[form], { position: start, room }, buffers);
  else recording.run(full[form], { rows, start, room }, buffers);
  if (selection === undefined) return;
  recording.begin(layer, "select");
  recording.run(topk, { rows, start, firstRow: start }, { scores: recording.at("scores"), ...selection });
  if (plans) plan(recording, step);
}

/**
 * Attention of every query head to the blocks that it chooses for itself; the means of the blocks that the chunk fills are made
 * first. Single queries take the same form as many.
 */
function ownChoice(recording: Recording, step: LayerStep): void {
  const { layer, rows, start, cache, weights } = step;
  const { means, gate, topk, plan, sparse } = present(recording.ops.ownChoice);
  const { blocks: blockRoom, rows: room } = cache;
  const lists = { blocks: recording.at("ownBlocks"), selected: recording.at("ownScores") };
  const q = recording.at("q");
  const run = { rows, start, firstRow: 0 };
  recording.begin(layer, "select");
  recording.run(means, { rows, start, room, blocks: blockRoom }, { k: cache.k, means: cache.means });
  const scores = recording.at("gateScores");
  recording.run(gate, { rows, start, room: blockRoom }, { q, means: cache.means, scores });
  recording.run(topk, run, { scores, ...lists });
  recording.run(plan, run, { blocks: lists.blocks });
  recording.begin(layer, "sparse");
  const buffers = { q, k: cache.k, v: cache.v, blocks: lists.blocks, sinks: weights.noSinks };
  recording.run(sparse, { ...run, room }, { ...buffers, out: recording.at("attended") });
}

/** Attention of a full layer to some blocks of its own cache, chosen by another. */
function restricted(recording: Recording, step: LayerStep): void {
  recording.begin(step.layer, "attend");
  plan(recording, step);
  inBlocks(recording, step, recording.at("attended"));
}

function plan(recording: Recording, { rows, start, reads }: LayerStep): void {
  const { blocks, firstRow } = present(reads);
  recording.run(recording.ops.plan, { rows, start, firstRow }, { blocks });
}

/** Attention over the blocks of `reads`, which must be those of the last plan. */
function inBlocks(recording: Recording, step: LayerStep, out: GpuBlock): void {
  const { rows, start, reads, from, blockSinks } = step;
  const { blocks, firstRow } = present(reads);
  recording.run(
    recording.ops.sparse,
    { rows, start, room: from.rows, firstRow },
    { q: recording.at("q"), k: from.k, v: from.v, blocks, sinks: present(blockSinks), out },
  );
}

/** Attention to what the layer keeps of its own, and to nothing else. */
function windowAlone(recording: Recording, step: LayerStep, sinks: GpuBlock): void {
  if (step.rows === 1) inRing(recording, step, sinks);
  else inWindow(recording, step, sinks, recording.at("attended"));
}

/** Attention of a chunk to the layer's own window; then the ring gains the chunk. */
function inWindow(
  recording: Recording,
  { layer, rows, start, cache }: LayerStep,
  sinks: GpuBlock,
  out: GpuBlock,
): void {
  const { window, append } = recording.ops;
  const ring = { ringK: cache.k, ringV: cache.v };
  const chunk = { k: recording.at("chunkK"), v: recording.at("chunkV") };
  recording.begin(layer, "window");
  recording.run(window, { rows, start, ring: cache.rows }, { q: recording.at("q"), ...chunk, ...ring, sinks, out });
  // Only now: the chunk's first queries still needed what the ring forgets.
  recording.begin(layer, "project");
  recording.run(append, { rows, start, ring: cache.rows }, { ...chunk, ...ring });
}

/** One query's window: its own k and v are in the ring already. */
function inRing(recording: Recording, { layer, start, cache }: LayerStep, sinks: GpuBlock): void {
  recording.begin(layer, "window");
  recording.run(
    recording.ops.decode.window,
    { position: start, room: 0, ring: cache.rows, selectionRow: 0 },
    {
      q: recording.at("q"),
      ringK: cache.k,
      ringV: cache.v,
      windowSinks: sinks,
      outWindow: recording.at("attended"),
    },
  );
}

/** One query's blocks and window, which share their dispatches; its own k and v are in the ring already. */
function bothBranches(recording: Recording, step: LayerStep): void {
  const { start, weights, cache, reads, from, blockSinks } = step;
  const { blocks, firstRow } = present(reads);
  recording.run(
    recording.ops.decode.sparse,
    { position: start, room: from.rows, ring: cache.rows, selectionRow: firstRow },
    {
      q: recording.at("q"),
      ringK: cache.k,
      ringV: cache.v,
      windowSinks: present(weights.windowSinks),
      k: from.k,
      v: from.v,
      blocks,
      sparseSinks: present(blockSinks),
      outSparse: recording.at("attendedSparse"),
      outWindow: recording.at("attendedWindow"),
    },
  );
}
