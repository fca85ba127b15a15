import type { Shape } from "../../engine/shape.ts";

/** Random q, k, v of one layer, in the fused operator's layout [T, heads d] and in ours, per KV head. */
export class AttentionInputs {
  /** [T, Hq d], [T, Hkv d], [T, Hkv d] */
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  /** [Hkv, T, d] */
  readonly kByHead: Float32Array;
  readonly vByHead: Float32Array;
  readonly #s: Shape;
  /** What was asked for before: laying rows out anew must not be timed. */
  readonly #laidOut = new Map<string, Float32Array>();

  /** @param loudness factor on the queries, and so on every logit: 1 gives logits of deviation 1.8 */
  constructor(s: Shape, tokens: number, loudness = 1) {
    const random = (size: number, factor = 1): Float32Array =>
      Float32Array.from({ length: size }, () => factor * (4 * Math.random() - 2));
    this.#s = s;
    this.q = random(tokens * s.Hq * s.d, loudness);
    this.k = random(tokens * s.Hkv * s.d);
    this.v = random(tokens * s.Hkv * s.d);
    this.kByHead = byHead(this.k, s.Hkv, s.d, 0, tokens);
    this.vByHead = byHead(this.v, s.Hkv, s.d, 0, tokens);
  }

  /** [Hkv, count, G d] of positions start .. */
  queries(start: number, count: number): Float32Array {
    const { Hkv, G, d } = this.#s;
    return this.#once(`q ${start} ${count}`, () => byHead(this.q, Hkv, G * d, start, count));
  }

  /** Keys and values [Hkv, count, d] of positions start .. */
  own(start: number, count: number): { readonly k: Float32Array; readonly v: Float32Array } {
    const { Hkv, d } = this.#s;
    return {
      k: this.#once(`k ${start} ${count}`, () => byHead(this.k, Hkv, d, start, count)),
      v: this.#once(`v ${start} ${count}`, () => byHead(this.v, Hkv, d, start, count)),
    };
  }

  #once(key: string, make: () => Float32Array): Float32Array {
    const made = this.#laidOut.get(key) ?? make();
    this.#laidOut.set(key, made);
    return made;
  }
}

/** [T, heads width] -> [heads, count, width] of rows start .. */
function byHead(data: Float32Array, heads: number, width: number, start: number, count: number): Float32Array {
  const out = new Float32Array(heads * count * width);
  for (let head = 0; head < heads; head++) {
    for (let row = 0; row < count; row++) {
      const from = ((start + row) * heads + head) * width;
      out.set(data.subarray(from, from + width), (head * count + row) * width);
    }
  }
  return out;
}
