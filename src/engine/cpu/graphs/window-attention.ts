import { GraphBuilder } from "../graph.ts";
import type { Shape } from "../../shape.ts";

/**
 * Sliding-window attention of one KV head (eq. 7-8): n tiles of R queries, each against the W = w - 1 + R keys that any
 * query of the tile can see. Work grows with w, never with T (onnxruntime's local_window_size masks but does not skip).
 *
 * in:  q [n R, G d]; k, v [n, W, d]; band [R, W] (0 where key j of the tile is within query i's window, else -inf);
 *      absent [n, W] (-inf where the key would lie before the document, else 0); sinks [G]
 * out: o [n, R G, d]
 */
export function windowAttentionGraph(s: Shape): GraphBuilder {
  const g = new GraphBuilder("window-attention");
  const row = s.G * s.d;
  const q = g.input("q", "float32", ["nR", row]);
  const k = g.input("k", "float32", ["n", "W", s.d]);
  const v = g.input("v", "float32", ["n", "W", s.d]);
  const band = g.input("band", "float32", ["R", "W"]);
  const absent = g.input("absent", "float32", ["n", "W"]);
  const sinks = g.input("sinks", "float32", [s.G]);

  const size = g.op("Shape", [absent]);
  const tiles = g.op("Slice", [size, g.ints([0]), g.ints([1])]);
  const width = g.op("Slice", [size, g.ints([1]), g.ints([2])]);
  const perTile = g.op("Concat", [tiles, g.ints([-1, s.d])], { axis: 0 });
  const logits = g.matmul(g.op("Reshape", [q, perTile]), k, { transB: true, alpha: s.scale });

  const grouped = g.op("Reshape", [logits, g.op("Concat", [tiles, g.ints([-1, s.G]), width], { axis: 0 })]);
  const mask = g.op("Add", [g.op("Unsqueeze", [band, g.ints([1])]), g.op("Unsqueeze", [absent, g.ints([1, 2])])]);
  const masked = g.op("Add", [grouped, mask]);
  const sink = g.reshape(sinks, [s.G, 1]);
  const top = g.op("Max", [g.op("ReduceMax", [masked, g.ints([3])]), sink]);
  const e = g.op("Exp", [g.op("Sub", [masked, top])]);
  const total = g.op("Add", [g.op("ReduceSum", [e, g.ints([3])]), g.op("Exp", [g.op("Sub", [sink, top])])]);
  const flat = g.op("Reshape", [e, g.op("Concat", [tiles, g.ints([-1]), width], { axis: 0 })]);
  const perRow = g.op("Reshape", [total, g.op("Concat", [tiles, g.ints([-1, 1])], { axis: 0 })]);
  g.output("o", g.op("Div", [g.matmul(flat, v), perRow]), "float32", ["n", "RG", s.d]);
  return g;
}
