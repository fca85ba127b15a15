import { projectedNames, type ExtraTensors } from "../../../designs/extra-weights.ts";
import { GraphBuilder, type Value } from "../graph.ts";
import type { Shape } from "../../shape.ts";

/** onnxruntime's fused RMSNorm over the last axis. */
function rmsNorm(g: GraphBuilder, x: Value, scale: Value, s: Shape): Value {
  return g.op("SimplifiedLayerNormalization", [x, scale], { axis: -1, epsilon: { float: s.eps } });
}

/** x W^T with W as checkpoints store it, [out, in]. */
function linear(g: GraphBuilder, x: Value, weight: Value): Value {
  return g.matmul(x, weight, { transB: true });
}

function silu(g: GraphBuilder, x: Value): Value {
  return g.op("Mul", [x, g.op("Sigmoid", [x])]);
}

/**
 * From the layer input to everything attention needs.
 *
 * in:  x [C, hidden], norm [hidden], wq [Hq d, hidden], wk, wv [Hkv d, hidden], cos, sin [positions, d / 2],
 *      position [1] (of the first row); where the decoder has them bq [Hq d], bk, bv [Hkv d] and nq, nk [d], the norms of
 *      each head's q and k; with `gates` also sparseGate, windowGate [gates, hidden]; the
 *      `further` tensors that are applied to the layer's input, [out, hidden]
 * out: q [Hkv, C, G d] and k [Hkv, C, d] rotated, v [Hkv, C, d]; with `gates` gs, gw [C, gates] after the sigmoid (eq. 9); of
 *      the further tensors keys as k, values as v, gates [C, out] after the sigmoid, each under "of " and the tensor's name
 */
export function projectGraph(s: Shape, gates: boolean, further: ExtraTensors): GraphBuilder {
  const g = new GraphBuilder("project");
  const x = g.input("x", "float32", ["C", s.hidden]);
  const norm = g.input("norm", "float32", [s.hidden]);
  const wq = g.input("wq", "float32", [s.Hq * s.d, s.hidden]);
  const wk = g.input("wk", "float32", [s.Hkv * s.d, s.hidden]);
  const wv = g.input("wv", "float32", [s.Hkv * s.d, s.hidden]);
  const cos = g.input("cos", "float32", ["positions", s.d / 2]);
  const sin = g.input("sin", "float32", ["positions", s.d / 2]);
  const position = g.input("position", "int64", [1]);
  const n = rmsNorm(g, x, norm, s);

  const projected = (weight: Value, bias: string, heads: number): Value => {
    const rows = linear(g, n, weight);
    return s.qkvBias ? g.op("Add", [rows, g.input(bias, "float32", [heads * s.d])]) : rows;
  };
  const headNorm = (name: string): Value | undefined => (s.headNorm ? g.input(name, "float32", [s.d]) : undefined);
  const rotated = (rows: Value, scale: Value | undefined, heads: number): Value => {
    const normed = scale === undefined ? rows : rmsNorm(g, g.reshape(rows, [-1, heads, s.d]), scale, s);
    const turning = g.reshape(normed, [1, -1, heads * s.d]);
    return g.microsoft("RotaryEmbedding", [turning, position, cos, sin], { num_heads: heads, interleaved: 0 });
  };
  const byHead = (rows: Value, width: number): Value => g.transpose(g.reshape(rows, [-1, s.Hkv, width]), [1, 0, 2]);

  const keyNorm = headNorm("nk");
  const queries = rotated(projected(wq, "bq", s.Hq), headNorm("nq"), s.Hq);
  g.output("q", byHead(queries, s.G * s.d), "float32", [s.Hkv, "C", s.G * s.d]);
  g.output("k", byHead(rotated(projected(wk, "bk", s.Hkv), keyNorm, s.Hkv), s.d), "float32", [s.Hkv, "C", s.d]);
  g.output("v", byHead(projected(wv, "bv", s.Hkv), s.d), "float32", [s.Hkv, "C", s.d]);
  if (gates) {
    for (const [weight, out] of [
      ["sparseGate", "gs"],
      ["windowGate", "gw"],
    ] as const) {
      const gate = g.input(weight, "float32", [s.gates, s.hidden]);
      g.output(out, g.op("Sigmoid", [linear(g, n, gate)]), "float32", ["C", s.gates]);
    }
  }
  for (const name of projectedNames(further)) {
    const { shape, makes } = further[name]!;
    const rows = linear(g, n, g.input(name, "float32", shape));
    if (makes === "gates") {
      g.output(`of ${name}`, g.op("Sigmoid", [rows]), "float32", ["C", shape[0]!]);
    } else {
      const heads = byHead(makes === "keys" ? rotated(rows, keyNorm, s.Hkv) : rows, s.d);
      g.output(`of ${name}`, heads, "float32", [s.Hkv, "C", s.d]);
    }
  }
  return g;
}

/**
 * What is made of the rows of a block (kernels/compress-blocks): y = silu((x + position) Winner^T) Wouter^T.
 *
 * in:  x [N, block d], position [block d], inner [d, block d], outer [d, d]
 * out: y [N, d]
 */
export function compressGraph(s: Shape, block: number): GraphBuilder {
  const g = new GraphBuilder("compress");
  const x = g.input("x", "float32", ["N", block * s.d]);
  const position = g.input("position", "float32", [block * s.d]);
  const inner = g.input("inner", "float32", [s.d, block * s.d]);
  const outer = g.input("outer", "float32", [s.d, s.d]);
  const y = linear(g, silu(g, linear(g, g.op("Add", [x, position]), inner)), outer);
  g.output("y", y, "float32", ["N", s.d]);
  return g;
}

/**
 * Output projection and residual: y = x + o Wo^T.
 *
 * in:  x [C, hidden], wo [hidden, Hq d], o [C, Hq d]
 * out: y [C, hidden]
 */
export function outputGraph(s: Shape): GraphBuilder {
  const g = new GraphBuilder("output");
  const x = g.input("x", "float32", ["C", s.hidden]);
  const wo = g.input("wo", "float32", [s.hidden, s.Hq * s.d]);
  const o = g.input("o", "float32", ["C", s.Hq * s.d]);
  g.output("y", g.op("Add", [x, linear(g, o, wo)]), "float32", ["C", s.hidden]);
  return g;
}

/**
 * SwiGLU with its norm and residual: y = x + (silu(n Wgate^T) * (n Wup^T)) Wdown^T, n = RMSNorm(x).
 *
 * in:  x [C, hidden], norm [hidden], gate, up [intermediate, hidden], down [hidden, intermediate]
 * out: y [C, hidden]
 */
export function mlpGraph(s: Shape): GraphBuilder {
  const g = new GraphBuilder("mlp");
  const x = g.input("x", "float32", ["C", s.hidden]);
  const norm = g.input("norm", "float32", [s.hidden]);
  const gate = g.input("gate", "float32", [s.intermediate, s.hidden]);
  const up = g.input("up", "float32", [s.intermediate, s.hidden]);
  const down = g.input("down", "float32", [s.hidden, s.intermediate]);
  const n = rmsNorm(g, x, norm, s);
  const y = g.op("Add", [x, linear(g, g.op("Mul", [silu(g, linear(g, n, gate)), linear(g, n, up)]), down)]);
  g.output("y", y, "float32", ["C", s.hidden]);
  return g;
}

/** Final norm and vocabulary projection. in: x [C, hidden], norm, head [vocabulary, hidden]; out: logits [C, vocabulary] */
export function headGraph(s: Shape): GraphBuilder {
  const g = new GraphBuilder("head");
  const x = g.input("x", "float32", ["C", s.hidden]);
  const norm = g.input("norm", "float32", [s.hidden]);
  const head = g.input("head", "float32", [s.vocabulary, s.hidden]);
  g.output("logits", linear(g, rmsNorm(g, x, norm, s), head), "float32", ["C", s.vocabulary]);
  return g;
}
