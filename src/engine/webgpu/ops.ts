import { blockGateGpu } from "../../../kernels/block-gate/gpu.ts";
import { blockMeansGpu } from "../../../kernels/block-means/gpu.ts";
import { plannedBlockSparse } from "../../../kernels/block-sparse-attention/forms.ts";
import { blockTopkGpu } from "../../../kernels/block-topk/gpu.ts";
import { embeddingGpu } from "../../../kernels/embedding/gpu.ts";
import { forms as fullAttention } from "../../../kernels/full-attention/forms.ts";
import { forms as fullDecodes } from "../../../kernels/full-attention-decode/forms.ts";
import { gateFusionGpu } from "../../../kernels/gate-fusion/gpu.ts";
import { makeOp } from "../../../kernels/gpu-form.ts";
import type { DeviceTraits, GpuOp } from "../../../kernels/gpu-op.ts";
import { headNormGpu } from "../../../kernels/head-norm/gpu.ts";
import { forms as linear } from "../../../kernels/linear/forms.ts";
import { rmsnormGpu } from "../../../kernels/rmsnorm/gpu.ts";
import { ropeSplitGpu } from "../../../kernels/rope/gpu.ts";
import { forms as slidingWindow } from "../../../kernels/sliding-window/forms.ts";
import { ringAppendGpu } from "../../../kernels/sliding-window/gpu.ts";
import { forms as sparseDecodes } from "../../../kernels/sparse-decode/forms.ts";
import { swigluGpu } from "../../../kernels/swiglu/gpu.ts";
import type { BlockGate } from "../../designs/plan.ts";
import type { Architecture } from "../../model/architecture.ts";
import type { Chunk } from "../decoder/body.ts";
import { emitsScores, type LayerRole } from "../decoder/roles.ts";
import { shapeOf, type Shape } from "../shape.ts";
import { largest, type Sizes } from "./workspace.ts";

const WORD = 4;
const HALF = 2;

/** An op with the name under which its scratch lies in the workspace. */
export interface NamedOp<Run> {
  readonly id: string;
  readonly op: GpuOp<Run>;
}

/** Everything that a decoder of one architecture runs on one device, made once. */
export type Ops = ReturnType<typeof makeOps>;

function named<Run>(id: string, op: GpuOp<Run>): NamedOp<Run> {
  return { id, op };
}

/** Columns of a projected row: q | k | v, then the two gates where the layer has them. */
export function projectedWidth({ Hq, Hkv, d, gates }: Shape, gated: boolean): number {
  return (Hq + 2 * Hkv) * d + (gated ? 2 * gates : 0);
}

/** What a plan asks of the ops beside the model's shape. */
export interface PlanShape {
  /** Tokens of the context that its rings keep beside the window. */
  readonly first?: number;
  /** How its query heads choose blocks for themselves. */
  readonly gate?: Pick<BlockGate, "block" | "top">;
}

/** Ops of layers whose query heads choose among blocks of the layer's own keys. */
function ownChoiceOps({ Hq, Hkv, d }: Shape, { block, top }: Pick<BlockGate, "block" | "top">, traits: DeviceTraits) {
  const heads = { queryHeads: Hq, kvHeads: Hkv, headDim: d };
  const forms = plannedBlockSparse({ ...heads, lists: Hq, block, slots: top }, traits);
  return {
    block,
    slots: top,
    means: named("means", blockMeansGpu({ kvHeads: Hkv, headDim: d, block }, traits)),
    gate: named("gate", blockGateGpu({ ...heads, block }, traits)),
    topk: named("own topk", blockTopkGpu({ kvHeads: Hq, slots: top, block, own: true }, traits)),
    plan: named("plan", forms.plan),
    sparse: named("sparse", forms.sparse),
    planBytes: forms.planBytes,
    largestRows: forms.largestRows,
  };
}

export function makeOps(a: Architecture, traits: DeviceTraits, { first = 0, gate }: PlanShape = {}) {
  const s = shapeOf(a);
  const heads = { queryHeads: s.Hq, kvHeads: s.Hkv, headDim: s.d };
  const project = (gated: boolean) =>
    named("project", makeOp(linear, { inputs: s.hidden, outputs: projectedWidth(s, gated), add: false }, traits));
  const split = (gated: boolean) => named("split", ropeSplitGpu({ ...heads, extra: gated ? 2 * s.gates : 0 }, traits));
  const headNorm = (gated: boolean) =>
    s.qkvBias || s.headNorm
      ? named(
          "head norm",
          headNormGpu(
            { ...heads, extra: gated ? 2 * s.gates : 0, bias: s.qkvBias, norm: s.headNorm, eps: s.eps },
            traits,
          ),
        )
      : undefined;
  const sparseDecode = (sparse: boolean) =>
    named(
      "sparse decode",
      makeOp(sparseDecodes, { ...heads, block: s.B, slots: s.slots, window: s.w + first, sparse }, traits),
    );
  const full = (scores: boolean) => named("full", makeOp(fullAttention, { ...heads, block: s.B, scores }, traits));
  const fullDecode = (scores: boolean) =>
    named("full decode", makeOp(fullDecodes, { ...heads, block: s.B, scores }, traits));
  const sparse = plannedBlockSparse({ ...heads, block: s.B, slots: s.slots }, traits);
  const ownChoice = gate === undefined ? undefined : ownChoiceOps(s, gate, traits);
  return {
    shape: s,
    /** Rows of a ring at most. */
    ring: s.w + first,
    embedding: named("embedding", embeddingGpu({ hidden: s.hidden }, traits)),
    norm: named("norm", rmsnormGpu({ hidden: s.hidden, eps: s.eps }, traits)),
    project: { plain: project(false), gated: project(true) },
    /** Absent where the decoder has neither biases nor norms of heads. */
    headNorm: { plain: headNorm(false), gated: headNorm(true) },
    split: { plain: split(false), gated: split(true) },
    full: { plain: full(false), scored: full(true) },
    fullDecode: { plain: fullDecode(false), scored: fullDecode(true) },
    topk: named("topk", blockTopkGpu({ kvHeads: s.Hkv, slots: s.slots, block: s.B }, traits)),
    plan: named("plan", sparse.plan),
    planBytes: sparse.planBytes,
    largestRows: sparse.largestRows,
    sparse: named("sparse", sparse.sparse),
    ownChoice,
    window: named("window", makeOp(slidingWindow, { ...heads, window: s.w, first }, traits)),
    append: named("append", ringAppendGpu({ kvHeads: s.Hkv, headDim: s.d, window: s.w, first }, traits)),
    decode: { sparse: sparseDecode(true), window: sparseDecode(false) },
    fuse: named(
      "fuse",
      gateFusionGpu(
        {
          queryHeads: s.Hq,
          headDim: s.d,
          gate: a.gate,
          projectedWidth: projectedWidth(s, true),
          gateOffset: projectedWidth(s, false),
        },
        traits,
      ),
    ),
    output: named("output", makeOp(linear, { inputs: s.Hq * s.d, outputs: s.hidden, add: true }, traits)),
    gateUp: named("gate up", makeOp(linear, { inputs: s.hidden, outputs: 2 * s.intermediate, add: false }, traits)),
    swiglu: named("swiglu", swigluGpu({ intermediate: s.intermediate }, traits)),
    down: named("down", makeOp(linear, { inputs: s.intermediate, outputs: s.hidden, add: true }, traits)),
    head: named("head", makeOp(linear, { inputs: s.hidden, outputs: s.vocabulary, add: false }, traits)),
  };
}

/** Bytes of an op's scratch, under the names that it has in the workspace. */
export function scratchOf<Run>({ id, op }: NamedOp<Run>, run: Run): Sizes {
  return Object.fromEntries(Object.entries(op.scratch(run)).map(([name, bytes]) => [`${id}.${name}`, bytes]));
}

/** What a run needs of the optional parts. */
export interface Needs {
  readonly scores: boolean;
  readonly sparse: boolean;
  readonly window: boolean;
  /** A full layer attends to blocks, also when it has one query. */
  readonly restricted: boolean;
}

/** @param scores an observer asks for block scores */
export function needsOf(roles: readonly LayerRole[], scores: boolean): Needs {
  return {
    scores: roles.some((role) => emitsScores(role, scores)),
    sparse: roles.some(({ gated }) => gated),
    window: roles.some(({ keeps }) => keeps.kind === "ring"),
    restricted: roles.some(({ restricted }) => restricted),
  };
}

/** Bytes of every activation of a chunk of at most `rows` queries that ends at `tokens`. */
export function activationSizes({ shape: s, ownChoice }: Ops, rows: number, tokens: number, needs: Needs): Sizes {
  const wide = rows * s.Hq * s.d * WORD;
  const blocks = Math.ceil(tokens / s.B);
  return {
    tokens: rows * WORD,
    x: rows * s.hidden * WORD,
    y: rows * s.hidden * WORD,
    normed: rows * s.hidden * WORD,
    projected: rows * projectedWidth(s, needs.sparse) * WORD,
    q: wide,
    attended: wide,
    gateUp: rows * 2 * s.intermediate * WORD,
    inner: rows * s.intermediate * WORD,
    last: s.hidden * WORD,
    lastNormed: s.hidden * WORD,
    logits: s.vocabulary * WORD,
    ...(needs.scores ? { scores: rows * s.Hkv * blocks * WORD } : {}),
    ...(ownChoice === undefined
      ? {}
      : {
          gateScores: rows * s.Hq * Math.ceil(tokens / ownChoice.block) * WORD,
          ownBlocks: rows * s.Hq * ownChoice.slots * WORD,
          ownScores: rows * s.Hq * ownChoice.slots * WORD,
        }),
    ...(needs.sparse ? { attendedSparse: wide } : {}),
    ...(needs.window
      ? { attendedWindow: wide, chunkK: rows * s.Hkv * s.d * HALF, chunkV: rows * s.Hkv * s.d * HALF }
      : {}),
  };
}

/** Bytes that the ops keep between their dispatches, for chunks of at most `rows` queries that end at `tokens`. */
export function scratchSizes(ops: Ops, rows: number, tokens: number, needs: Needs): Sizes {
  const extents: Chunk[] = [{ rows: Math.min(rows, tokens), start: tokens - Math.min(rows, tokens) }];
  if (rows > 1) extents.push({ rows: 1, start: tokens - 1 });
  const all: Sizes[] = [];
  const add = <Run>(op: NamedOp<Run>, run: Run): void => {
    all.push(scratchOf(op, run));
  };
  for (const extent of extents) {
    const room = tokens;
    const dense = { rows: extent.rows };
    for (const product of [ops.project.gated, ops.output, ops.gateUp, ops.down]) add(product, dense);
    add(ops.norm, dense);
    add(ops.fuse, dense);
    if (extent.rows === 1) {
      const position = extent.start;
      add(needs.scores ? ops.fullDecode.scored : ops.fullDecode.plain, { position, room });
      if (needs.window) {
        add(needs.sparse ? ops.decode.sparse : ops.decode.window, {
          position,
          room,
          ring: Math.min(tokens, ops.ring),
          selectionRow: 0,
        });
      }
    } else {
      add(needs.scores ? ops.full.scored : ops.full.plain, { ...extent, room });
      if (needs.window) add(ops.window, { ...extent, ring: Math.min(tokens, ops.ring) });
    }
    if (needs.restricted || (needs.sparse && extent.rows > 1)) {
      add(ops.plan, { ...extent, firstRow: extent.start });
      add(ops.sparse, { ...extent, room, firstRow: extent.start });
      all.push(ops.planBytes(extent));
    }
    if (ops.ownChoice !== undefined) {
      const own = { ...extent, firstRow: 0 };
      add(ops.ownChoice.plan, own);
      add(ops.ownChoice.sparse, { ...own, room });
      all.push(ops.ownChoice.planBytes(extent));
    }
    if (needs.scores) add(ops.topk, { ...extent, firstRow: extent.start });
  }
  add(ops.head, { rows: 1 });
  return largest(...all);
}
