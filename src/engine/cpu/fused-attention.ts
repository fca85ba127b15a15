import type { Shape } from "../shape.ts";
import type { Buffers } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";
import { GraphBuilder } from "./graph.ts";
import type { KvCache } from "./kv-cache.ts";
import { floats, int32s, type Sessions } from "./session.ts";

/** Queries per call at which the fused operator was fastest on two cores. */
const QUERIES = 512;

/** onnxruntime's own fused attention (com.microsoft GroupQueryAttention): full attention without block scores. */
export class FusedAttention {
  readonly #s: Shape;
  readonly #sessions: Sessions;
  readonly #buffers: Buffers;

  constructor(shape: Shape, sessions: Sessions, buffers: Buffers) {
    this.#s = shape;
    this.#sessions = sessions;
    this.#buffers = buffers;
  }

  /**
   * Causal attention over the whole cache, which holds the chunk's own keys and values already; out [C, Hq d]. The operator
   * wants those once more and writes them where they lie: past and present are one buffer, so that no cache is copied.
   */
  async run(chunk: Chunk, cache: KvCache, out: Float32Array, signal?: AbortSignal): Promise<void> {
    const { Hq, Hkv, G, d } = this.#s;
    const { start, count } = chunk;
    const session = await this.#sessions.get("fused", () => fusedGraph(this.#s));
    const past = [1, Hkv, cache.capacity, d];
    const [pastK, pastV] = [floats(cache.k, past), floats(cache.v, past)];
    for (let from = 0; from < count; from += QUERIES) {
      signal?.throwIfAborted();
      const rows = Math.min(QUERIES, count - from);
      const first = start + from;
      const end = first + rows;
      const q = this.#buffers.get("fused-q", rows * Hq * d);
      const k = this.#buffers.get("fused-k", rows * Hkv * d);
      const v = this.#buffers.get("fused-v", rows * Hkv * d);
      for (let head = 0; head < Hkv; head++) {
        const at = (head * count + from) * G * d;
        byPosition(chunk.q.subarray(at, at + rows * G * d), q, head, Hkv, G * d);
        byPosition(cache.keys(head, first, end), k, head, Hkv, d);
        byPosition(cache.values(head, first, end), v, head, Hkv, d);
      }
      await session.run(
        {
          q: floats(q, [1, rows, Hq * d]),
          k: floats(k, [1, rows, Hkv * d]),
          v: floats(v, [1, rows, Hkv * d]),
          ...{ pastK, pastV },
          last: int32s(Int32Array.of(end - 1), [1]),
          total: int32s(Int32Array.of(end), [1]),
        },
        {
          o: floats(out.subarray(from * Hq * d, (from + rows) * Hq * d), [1, rows, Hq * d]),
          ...{ presentK: pastK, presentV: pastV },
        },
      );
    }
  }
}

/** The rows of one head [rows, width] into `into` [rows, heads, width]. */
function byPosition(rows: Float32Array, into: Float32Array, head: number, heads: number, width: number): void {
  for (let row = 0; row * width < rows.length; row++) {
    into.set(rows.subarray(row * width, (row + 1) * width), (row * heads + head) * width);
  }
}

function fusedGraph(s: Shape): GraphBuilder {
  const g = new GraphBuilder("fused-attention");
  const width = s.Hkv * s.d;
  const [o, presentK, presentV] = g.ops(
    "GroupQueryAttention",
    [
      g.input("q", "float32", [1, "C", s.Hq * s.d]),
      g.input("k", "float32", [1, "C", width]),
      g.input("v", "float32", [1, "C", width]),
      g.input("pastK", "float32", [1, s.Hkv, "T", s.d]),
      g.input("pastV", "float32", [1, s.Hkv, "T", s.d]),
      g.input("last", "int32", [1]),
      g.input("total", "int32", [1]),
    ],
    3,
    { num_heads: s.Hq, kv_num_heads: s.Hkv, scale: { float: s.scale } },
    "com.microsoft",
  );
  g.output("o", o ?? "", "float32", [1, "C", s.Hq * s.d]);
  g.output("presentK", presentK ?? "", "float32", [1, s.Hkv, "T", s.d]);
  g.output("presentV", presentV ?? "", "float32", [1, s.Hkv, "T", s.d]);
  return g;
}
