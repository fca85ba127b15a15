import { GraphBuilder, type Value } from "../graph.ts";
import type { Shape } from "../../shape.ts";

/** Partial softmax of a batch of tiles: o [rows, G d] unnormalised, m and l [rows, G] (rows = tiles * R). */
interface Partials {
  readonly o: Value;
  readonly m: Value;
  readonly l: Value;
}

/**
 * Block-sparse attention of one KV head (eq. 4-6) as an expert-style dispatch: a block is an expert, a (query, slot) pair
 * is a token routed to it. Tiles of R pairs that chose the same block are multiplied with that block at once; then the
 * partial softmaxes of each query are combined by their maxima and sums, the sink being one more logit without a value.
 *
 * in:  q [C, G d]; k, v [blocks, B d] (complete blocks of the cache); kd, vd [own blocks, B d] (the blocks that hold the
 *      queries themselves, zero-padded); sinks [G]
 *      past: pb [P] block per tile, pr [P, R] query row per pair
 *      diagonal: db [D], dr [D, R], dl [D, R] last visible position inside the block; causal [B, B] (0 or -inf)
 *      slots [C, slots]: where each pair's partial landed among (past pairs, diagonal pairs, one dummy for unused slots)
 * out: o [C, G, d]
 *
 * Only pairs whose block holds the query need a mask (an eighth of them at most when k / B = 8), so they go apart.
 */
export function sparseAttentionGraph(s: Shape): GraphBuilder {
  const g = new GraphBuilder("sparse-attention");
  const row = s.G * s.d;
  const q = g.input("q", "float32", ["C", row]);
  const past = partials(g, s, {
    q,
    k: g.input("k", "float32", ["blocks", s.B * s.d]),
    v: g.input("v", "float32", ["blocks", s.B * s.d]),
    block: g.input("pb", "int32", ["P"]),
    query: g.input("pr", "int32", ["P", "R"]),
  });
  const diagonal = partials(g, s, {
    q,
    k: g.input("kd", "float32", ["own", s.B * s.d]),
    v: g.input("vd", "float32", ["own", s.B * s.d]),
    block: g.input("db", "int32", ["D"]),
    query: g.input("dr", "int32", ["D", "R"]),
    bias: g.op("Gather", [g.input("causal", "float32", [s.B, s.B]), g.input("dl", "int32", ["D", "R"])], { axis: 0 }),
  });
  const slots = g.input("slots", "int32", ["C", s.slots]);
  const sinks = g.input("sinks", "float32", [s.G]);

  const dummy = (value: number, width: number): Value => g.op("Expand", [g.float(value), g.ints([1, width])]);
  const routed = (name: keyof Partials, unused: number, width: number): Value =>
    g.op("Gather", [g.op("Concat", [past[name], diagonal[name], dummy(unused, width)], { axis: 0 }), slots], {
      axis: 0,
    });
  const m = routed("m", NOTHING, s.G);
  const l = routed("l", 0, s.G);
  const o = g.reshape(routed("o", 0, row), [-1, s.slots, s.G, s.d]);

  const top = g.op("Max", [g.op("ReduceMax", [m, g.ints([1])]), sinks]);
  const weight = g.op("Exp", [g.op("Sub", [m, top])]);
  const seen = g.op("ReduceSum", [g.op("Mul", [weight, l]), g.ints([1])]);
  const total = g.op("Add", [seen, g.op("Exp", [g.op("Sub", [sinks, top])])]);
  const share = g.op("Unsqueeze", [g.op("Div", [weight, total]), g.ints([3])]);
  const mixed = g.op("ReduceSum", [g.op("Mul", [share, o]), g.ints([1])], { keepdims: 0 });
  g.output("o", mixed, "float32", ["C", s.G, s.d]);
  return g;
}

/** A maximum far below any logit: its weight underflows to zero, and unlike -inf it never meets itself in a Sub. */
const NOTHING = -1e30;

function partials(
  g: GraphBuilder,
  s: Shape,
  tiles: { q: Value; k: Value; v: Value; block: Value; query: Value; bias?: Value },
): Partials {
  const count = g.op("Shape", [tiles.block]);
  const shaped = (value: Value, dims: readonly number[]): Value =>
    g.op("Reshape", [value, g.op("Concat", [count, g.ints(dims)], { axis: 0 })]);
  const gathered = (cache: Value): Value =>
    g.reshape(g.op("Gather", [cache, tiles.block], { axis: 0 }), [-1, s.B, s.d]);
  const rows = shaped(g.op("Gather", [tiles.q, tiles.query], { axis: 0 }), [-1, s.d]);
  let logits = g.matmul(rows, gathered(tiles.k), { transB: true, alpha: s.scale });
  if (tiles.bias !== undefined) {
    const grouped = shaped(logits, [-1, s.G, s.B]);
    logits = shaped(g.op("Add", [grouped, g.op("Unsqueeze", [tiles.bias, g.ints([2])])]), [-1, s.B]);
  }
  const m = g.op("ReduceMax", [logits, g.ints([2])]);
  const e = g.op("Exp", [g.op("Sub", [logits, m])]);
  const l = g.op("ReduceSum", [e, g.ints([2])]);
  return {
    o: g.reshape(g.matmul(e, gathered(tiles.v)), [-1, s.G * s.d]),
    m: g.reshape(m, [-1, s.G]),
    l: g.reshape(l, [-1, s.G]),
  };
}
