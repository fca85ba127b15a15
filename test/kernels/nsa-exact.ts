import { linear } from "../../kernels/linear/reference.ts";
import { rmsnorm } from "../../kernels/rmsnorm/reference.ts";
import { rope } from "../../kernels/rope/reference.ts";
import { roundToHalf } from "../../kernels/half.ts";
import type { FloatModel } from "../../src/engine/float-model.ts";
import type { Architecture } from "../../src/model/architecture.ts";

/** The letters of the paper: l, d, l', n, w. */
export interface NsaShape {
  readonly compress: number;
  readonly stride: number;
  readonly block: number;
  readonly blocks: number;
  readonly window: number;
}

/** One branch of one head: what it sees of which keys, and its gate. */
interface Branch {
  readonly keys: Float64Array;
  readonly values: Float64Array;
  readonly sees: readonly number[];
  readonly gate: number;
}

/**
 * A layer of NSA in float64 by its definition, over a whole prompt at once: every compressed key from the whole text, importance by
 * the tokens that two blocks have in common, no chunks, caches, plans or top-k of ours.
 */
export class NsaExact {
  readonly #a: Architecture;
  readonly #model: FloatModel;
  readonly #s: NsaShape;
  readonly #halves: boolean;

  constructor(model: FloatModel, shape: NsaShape, halves: boolean) {
    this.#a = model.architecture;
    this.#model = model;
    this.#s = shape;
    this.#halves = halves;
  }

  /**
   * What the heads of `layer` give for its inputs [T, E], [T, Hq, d], and the queries that as good as tie: whose last block taken
   * and first one left are closer than `gap`.
   */
  heads(layer: number, inputs: Float64Array, gap: number): { readonly out: Float64Array; readonly tied: Set<number> } {
    const { queryHeads, kvHeads, headDim: d, hidden, ropeBase: base } = this.#a;
    const group = queryHeads / kvHeads;
    const weights = this.#model.weights.layer(layer);
    const x = rmsnorm({ x: inputs, weight: weights.inputNorm, eps: this.#a.normEps });
    const of = (weight: Float32Array): Float64Array => linear({ x, weight, inputs: hidden });
    const turned = (rows: Float64Array, heads: number): Float64Array =>
      rope({ x: rows, heads, headDim: d, start: 0, base });
    const extra = (name: string): Float32Array => weights.extra![name]!;
    const q = turned(of(weights.q), queryHeads);
    const sets = {
      select: [this.#kept(turned(of(weights.k), kvHeads)), this.#kept(of(weights.v))],
      window: [this.#kept(turned(of(extra("windowK")), kvHeads)), this.#kept(of(extra("windowV")))],
      compress: [
        this.#compressed(this.#kept(turned(of(extra("compressK")), kvHeads)), extra, "K"),
        this.#compressed(this.#kept(of(extra("compressV"))), extra, "V"),
      ],
    } as const;
    const gates = (["compress", "select", "window"] as const).map((name) => of(extra(`${name}Gate`)));
    const out = new Float64Array(q.length);
    const tied = new Set<number>();
    for (let t = 0; t < x.length / hidden; t++) {
      for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
        const groupHeads = Array.from({ length: group }, (_, g) => kvHead * group + g);
        const seen = this.#compressedSeen(t);
        const weightsOf = groupHeads.map((head) =>
          softmax(seen.map((i) => this.#dot(q, t * queryHeads + head, sets.compress[0], i * kvHeads + kvHead))),
        );
        const { taken, margin } = this.#choose(t, (i) => weightsOf.reduce((sum, row) => sum + (row[i] ?? 0), 0));
        if (margin < gap) tied.add(t);
        for (const head of groupHeads) {
          const sees = [
            seen,
            range(0, t + 1).filter((key) => taken.has(Math.floor(key / this.#s.block))),
            range(Math.max(0, t + 1 - this.#s.window), t + 1),
          ];
          ([sets.compress, sets.select, sets.window] as const).forEach(([keys, values], i) => {
            const gate = 1 / (1 + Math.exp(-gates[i]![t * queryHeads + head]!));
            const branch = { keys: keys, values: values, sees: sees[i]!, gate };
            this.#add(branch, q, t * queryHeads + head, kvHead, out);
          });
        }
      }
    }
    return { out, tied };
  }

  #kept(rows: Float64Array): Float64Array {
    return this.#halves ? Float64Array.from(roundToHalf(rows)) : rows;
  }

  #compressedSeen(t: number): number[] {
    const seen: number[] = [];
    for (let i = 0; i * this.#s.stride + this.#s.compress - 1 <= t; i++) seen.push(i);
    return seen;
  }

  /** [blocks, Hkv, d] of rows [T, Hkv, d]. */
  #compressed(rows: Float64Array, extra: (name: string) => Float32Array, kind: "K" | "V"): Float64Array {
    const { kvHeads, headDim: d } = this.#a;
    const { compress, stride } = this.#s;
    const blocks = this.#compressedSeen(rows.length / (kvHeads * d) - 1).length;
    const made: number[] = [];
    for (let i = 0; i < blocks; i++) {
      for (let head = 0; head < kvHeads; head++) {
        const block = range(0, compress).flatMap((place) =>
          range(0, d).map(
            (c) => rows[((i * stride + place) * kvHeads + head) * d + c]! + extra(`map${kind}Position`)[place * d + c]!,
          ),
        );
        const inner = linear({ x: Float64Array.from(block), weight: extra(`map${kind}Inner`), inputs: block.length });
        const bent = inner.map((value) => value / (1 + Math.exp(-value)));
        made.push(...linear({ x: bent, weight: extra(`map${kind}Outer`), inputs: d }));
      }
    }
    return this.#kept(Float64Array.from(made));
  }

  /** The blocks that a group reads, and by how much the last one taken beats the first one left. */
  #choose(t: number, weight: (compressed: number) => number): { readonly taken: Set<number>; readonly margin: number } {
    const { block, blocks, stride, compress } = this.#s;
    const own = Math.floor(t / block);
    const forced = new Set([0, own, own - 1].filter((j) => j >= 0));
    const rivals = range(0, own + 1)
      .filter((j) => !forced.has(j))
      .map((j) => {
        let importance = 0;
        for (const i of this.#compressedSeen(t)) {
          const common = Math.min((j + 1) * block, i * stride + compress) - Math.max(j * block, i * stride);
          importance += (Math.max(0, common) / stride) * weight(i);
        }
        return { j, importance };
      })
      .sort((a, b) => b.importance - a.importance || a.j - b.j);
    const room = blocks - forced.size;
    const [last, next] = [rivals[room - 1], rivals[room]];
    // Exactly nothing on both sides is no tie: every engine takes the lower block.
    const margin = last && next && last.importance > 0 ? last.importance - next.importance : Infinity;
    return { taken: new Set([...forced, ...rivals.slice(0, room).map(({ j }) => j)]), margin };
  }

  #add({ keys, values, sees, gate }: Branch, q: Float64Array, row: number, kvHead: number, out: Float64Array): void {
    const { kvHeads, headDim: d } = this.#a;
    const weights = softmax(sees.map((key) => this.#dot(q, row, keys, key * kvHeads + kvHead)));
    sees.forEach((key, i) => {
      for (let c = 0; c < d; c++) out[row * d + c]! += gate * weights[i]! * values[(key * kvHeads + kvHead) * d + c]!;
    });
  }

  #dot(q: Float64Array, row: number, keys: Float64Array, key: number): number {
    const { headDim: d } = this.#a;
    let sum = 0;
    for (let c = 0; c < d; c++) sum += q[row * d + c]! * keys[key * d + c]!;
    return sum / Math.sqrt(d);
  }
}

function softmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - top));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
