import { GraphBuilder } from "../graph.ts";
import type { Shape } from "../../shape.ts";

export interface FullAttentionForm {
  /** Emit block scores S (eq. 3), the group's maximum. */
  readonly scores: boolean;
  /** One query that sees every key; otherwise C queries, the last C keys being their own. */
  readonly single: boolean;
  /** T is not a multiple of the block size (only asked where scores are emitted). */
  readonly ragged: boolean;
}

/**
 * Causal softmax attention of C queries of one KV head over its first T keys (eq. 1-3), G query heads at once.
 *
 * in:  q [C G, d], k, v [T, d]; unless `single` mask [C, C] (0 or -inf), first, last: int64 key positions of the queries;
 *      if `ragged` pads [6]: zeros that fill the last block
 * out: o [C G, d]; with `scores` S [C, blocks]
 *
 * Plain operators on purpose: onnxruntime's fused GroupQueryAttention has no cheap way to hand out block scores (its
 * qk_output writes the whole C x T matrix). Beside it on two cores (docs/benchmarks.md has both in one run) this graph takes
 * 0.8 of its time at 8,192 tokens and more, as long at 2,048 to 4,096, and 1.3 times as long at 1,024, where the mask's fixed
 * cost shows; without scores it is also the baseline of `full`.
 * - Only the last C columns need the causal mask, so only they are rewritten (ScatterElements works in place); an Add of a
 *   C x T mask cost 20 % at T = 32768.
 * - Scores are read off the probabilities: one more pass (ReduceMax), about 10 %.
 * - For one query, k q^T and a transpose of the T x G result beat q k^T about twofold: the product is then a plain
 *   matrix-times-narrow-matrix that streams k once.
 */
export function fullAttentionGraph(s: Shape, form: FullAttentionForm): GraphBuilder {
  const g = new GraphBuilder("full-attention");
  const q = g.input("q", "float32", ["CG", s.d]);
  const k = g.input("k", "float32", ["T", s.d]);
  const v = g.input("v", "float32", ["T", s.d]);
  let logits: string;
  if (form.single) {
    logits = g.transpose(g.matmul(k, q, { transB: true, alpha: s.scale }), [1, 0]);
  } else {
    const mask = g.input("mask", "float32", ["C", "C"]);
    const first = g.input("first", "int64", []);
    const last = g.input("last", "int64", []);
    const scaled = g.matmul(q, k, { transB: true, alpha: s.scale });
    const one = g.ints([1]);
    const own = g.op("Slice", [scaled, g.reshape(first, [1]), g.reshape(last, [1]), one]);
    const size = g.op("Shape", [own]);
    const perQuery = g.op("Concat", [g.ints([-1, s.G]), g.op("Slice", [size, one, g.ints([2])])], { axis: 0 });
    const masked = g.op("Add", [g.op("Reshape", [own, perQuery]), g.op("Unsqueeze", [mask, one])]);
    const columns = g.op("Expand", [g.op("Range", [first, last, g.op("Squeeze", [one])]), size]);
    logits = g.op("ScatterElements", [scaled, columns, g.op("Reshape", [masked, size])], { axis: 1 });
  }
  const p = g.op("Softmax", [logits], { axis: -1 });
  g.output("o", g.matmul(p, v), "float32", ["CG", s.d]);
  if (form.scores) {
    let grouped = g.op("Reshape", [p, g.op("Concat", [g.ints([-1, s.G]), lastDim(g, p)], { axis: 0 })]);
    if (form.ragged) grouped = g.op("Pad", [grouped, g.input("pads", "int64", [6])]);
    const blocks = g.op("Reshape", [
      grouped,
      g.op("Concat", [g.op("Slice", [g.op("Shape", [grouped]), g.ints([0]), g.ints([1])]), g.ints([s.G, -1, s.B])], {
        axis: 0,
      }),
    ]);
    const perHead = g.op("ReduceMax", [blocks, g.ints([3])], { keepdims: 0 });
    g.output("S", g.op("ReduceMax", [perHead, g.ints([1])], { keepdims: 0 }), "float32", ["C", "blocks"]);
  }
  return g;
}

function lastDim(g: GraphBuilder, value: string): string {
  return g.op("Slice", [g.op("Shape", [value]), g.ints([1]), g.ints([2])]);
}
