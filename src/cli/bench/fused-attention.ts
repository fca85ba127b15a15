import { GraphBuilder } from "../../engine/cpu/graph.ts";
import { floats, int32s, Session } from "../../engine/cpu/session.ts";
import type { Shape } from "../../engine/shape.ts";

/** Queries per call at which the fused operator was fastest on two cores. */
const QUERIES = 512;

/**
 * onnxruntime's own fused attention (com.microsoft GroupQueryAttention) on the inputs of a prefill, chunk by chunk with
 * past and present in one buffer, so that no cache is ever copied: what our full attention is held against.
 */
export class FusedAttention {
  readonly #s: Shape;
  readonly #session: Session;

  private constructor(shape: Shape, session: Session) {
    this.#s = shape;
    this.#session = session;
  }

  static async create(s: Shape, threads: number): Promise<FusedAttention> {
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
    return new FusedAttention(s, await Session.create(g, threads));
  }

  /** Attention of all T queries: q [T, Hq d], k, v [T, Hkv d] -> out [T, Hq d]. */
  async prefill(q: Float32Array, k: Float32Array, v: Float32Array, out: Float32Array, tokens: number): Promise<void> {
    const { Hq, Hkv, d } = this.#s;
    const cache = [1, Hkv, tokens, d];
    const pastK = floats(new Float32Array(Hkv * tokens * d), cache);
    const pastV = floats(new Float32Array(Hkv * tokens * d), cache);
    for (let from = 0; from < tokens; from += QUERIES) {
      const rows = Math.min(QUERIES, tokens - from);
      const part = (data: Float32Array, width: number): ReturnType<typeof floats> =>
        floats(data.subarray(from * width, (from + rows) * width), [1, rows, width]);
      await this.#session.run(
        {
          q: part(q, Hq * d),
          k: part(k, Hkv * d),
          v: part(v, Hkv * d),
          pastK,
          pastV,
          last: int32s(Int32Array.of(from + rows - 1), [1]),
          total: int32s(Int32Array.of(from + rows), [1]),
        },
        { o: part(out, Hq * d), presentK: pastK, presentV: pastV },
      );
    }
  }

  /** One query over `tokens` keys that are already in the cache but for its own. */
  async decode(
    q: Float32Array,
    k: Float32Array,
    v: Float32Array,
    caches: { k: Float32Array; v: Float32Array },
    out: Float32Array,
    tokens: number,
  ): Promise<void> {
    const { Hq, Hkv, d } = this.#s;
    const pastK = floats(caches.k, [1, Hkv, tokens, d]);
    const pastV = floats(caches.v, [1, Hkv, tokens, d]);
    await this.#session.run(
      {
        q: floats(q, [1, 1, Hq * d]),
        k: floats(k, [1, 1, Hkv * d]),
        v: floats(v, [1, 1, Hkv * d]),
        pastK,
        pastV,
        last: int32s(Int32Array.of(tokens - 1), [1]),
        total: int32s(Int32Array.of(tokens), [1]),
      },
      { o: floats(out, [1, 1, Hq * d]), presentK: pastK, presentV: pastV },
    );
  }

  dispose(): Promise<void> {
    return this.#session.dispose();
  }
}
