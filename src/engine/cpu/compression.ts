import { FORCED, LOCAL_BEFORE } from "../../../kernels/block-importance/block-importance.ts";
import { compressedBlocks, type Strides } from "../../../kernels/compress-blocks/compress-blocks.ts";
import { ringRow } from "../../../kernels/sliding-window/ring.ts";
import type { NsaTensor } from "../../designs/nsa/weights.ts";
import { branchesOf, type LayerPlan } from "../../designs/plan.ts";
import { extraOf } from "../../model/extra-weights.ts";
import type { Shape } from "../shape.ts";
import { partOf, scoredQueries, whole } from "./attention.ts";
import type { Buffers } from "./buffers.ts";
import type { Chunk } from "./chunk.ts";
import type { Dense, Projected } from "./dense.ts";
import type { KernelPool } from "./kernels/pool.ts";
import type { KvCache } from "./kv-cache.ts";
import type { StageClock } from "./stage-clock.ts";

/** Neighbouring queries of a chunk: `groups` times `size` of them, those of a group with the same compressed blocks in sight. */
interface Part {
  readonly from: number;
  readonly groups: number;
  readonly size: number;
}

/** One chunk of a layer with compressed keys. */
export interface CompressedStep {
  readonly plan: LayerPlan;
  readonly projected: Projected;
  /** The layer's further tensors. */
  readonly extra: Readonly<Record<string, Float32Array>> | undefined;
  /** Of every token; holds the chunk. */
  readonly cache: KvCache;
  /** Does not hold the chunk yet. */
  readonly pending: KvCache;
  readonly compressed: KvCache;
  /** [C, Hq d] */
  readonly out: Float32Array;
  readonly clock: StageClock;
}

/** Floats that one chunk of a layer takes beside what every layer does. */
export function branchFloats(s: Shape, layer: LayerPlan, rows: number, tokens: number): number {
  if (layer.more === undefined) return 0;
  const { compressed, selects } = branchesOf(layer);
  const { block, slots } = selects;
  const made = s.Hkv * (rows / compressed.stride + 1) * s.d;
  const queries = Math.min(rows, scoredQueries(s.Hq, compressed.stride, tokens));
  const weighed = queries * s.Hq * (tokens / compressed.stride + s.d);
  const chosen = rows * s.Hkv * (Math.ceil(tokens / block) + Math.min(slots, Math.ceil(tokens / block)));
  return rows * (4 * s.Hkv * s.d + 3 * s.Hq) + made * (compressed.block + 2) + weighed + chosen;
}

/**
 * The branches of NSA that have to do with compressed keys: attention over them and, by its weights, the choice of blocks, and
 * attention over those. Both are added up in `out`, each under its gate.
 *
 * Queries that see the same compressed blocks count as more heads of one query. So the kernel of full attention serves, whose keys
 * are the compressed ones; with blocks of one key its block scores are the weights.
 */
export class Compression {
  readonly #s: Shape;
  readonly #kernels: KernelPool;
  readonly #dense: Dense;
  readonly #buffers: Buffers;

  constructor(shape: Shape, kernels: KernelPool, dense: Dense, buffers: Buffers) {
    this.#s = shape;
    this.#kernels = kernels;
    this.#dense = dense;
    this.#buffers = buffers;
  }

  async attend(step: CompressedStep): Promise<void> {
    const { plan, projected, cache, out, clock } = step;
    const { compressed: strides, selects } = branchesOf(plan);
    const { block: select, slots: most } = selects;
    const { layer, start, count } = projected;
    const { Hkv, G, d, scale } = this.#s;
    const slots = Math.min(most, Math.ceil((start + count) / select));
    await clock.time(layer, "compress", () => this.#make(step, strides));
    const list = new Uint32Array(this.#buffers.get("branch-list", count * Hkv * slots).buffer, 0, count * Hkv * slots);
    for (const part of partsOf(strides, projected, scoredQueries(this.#s.Hq, strides.stride, start + count))) {
      const queries = part.groups * part.size;
      await this.#choose(
        step,
        part,
        slots,
        list.subarray(part.from * Hkv * slots, (part.from + queries) * Hkv * slots),
      );
    }
    const gate = extraOf(projected.extra, "selectGate" satisfies NsaTensor);
    const call = { start, count, heads: Hkv, G, share: 1, d, B: select, scale, q: projected.q, slots, list, gate, out };
    await clock.time(layer, "sparse", () =>
      this.#kernels.run({ op: "sparse", ...call, add: true, ...whole(cache) }, clock.signal),
    );
  }

  /** Makes the keys and values of the blocks that the chunk completes; what it began stays for the next. */
  async #make({ projected, compressed, pending, extra }: CompressedStep, strides: Strides): Promise<void> {
    const { start, count } = projected;
    const { Hkv, d } = this.#s;
    const first = compressedBlocks(strides, start);
    const blocks = compressedBlocks(strides, start + count) - first;
    const [k, v] = (["K", "V"] as const).map((kind) => extraOf(projected.extra, `compress${kind}` satisfies NsaTensor));
    if (blocks > 0) {
      const made: Float32Array[] = [];
      for (const [kind, own, held] of [
        ["K", k!, pending.k],
        ["V", v!, pending.v],
      ] as const) {
        const of = (part: "Position" | "Inner" | "Outer"): Float32Array =>
          extraOf(extra, `map${kind}${part}` satisfies NsaTensor);
        const rows = this.#gathered(strides, projected, first, blocks, own, { rows: held, capacity: pending.capacity });
        const into = this.#buffers.get(`compressed-${kind}`, Hkv * blocks * d);
        const map = { position: of("Position"), inner: of("Inner"), outer: of("Outer") };
        await this.#dense.compress(rows, strides.block, map, into);
        made.push(into);
      }
      compressed.append(made[0]!, made[1]!, first, blocks);
    }
    pending.append(k!, v!, start, count);
  }

  /** The rows of some blocks, [Hkv blocks, block d]: of the chunk's own [Hkv, C, d], and of older ones in the ring. */
  #gathered(
    { block, stride }: Strides,
    { start, count }: Chunk,
    first: number,
    blocks: number,
    own: Float32Array,
    ring: { readonly rows: Float32Array; readonly capacity: number },
  ): Float32Array {
    const { Hkv, d } = this.#s;
    const rows = this.#buffers.get("compress-rows", Hkv * blocks * block * d);
    for (let n = 0; n < Hkv * blocks; n++) {
      const head = Math.floor(n / blocks);
      const begin = (first + (n % blocks)) * stride;
      for (let p = begin; p < Math.min(start, begin + block); p++) {
        const at = (head * ring.capacity + ringRow(p, ring.capacity)) * d;
        rows.set(ring.rows.subarray(at, at + d), (n * block + p - begin) * d);
      }
      const from = Math.max(start, begin);
      const at = head * count - start;
      rows.set(own.subarray((at + from) * d, (at + begin + block) * d), (n * block + from - begin) * d);
    }
    return rows;
  }

  /** Attention of a part's queries to compressed keys, into `out`, and the blocks that it chooses, [queries, Hkv, slots]. */
  async #choose(step: CompressedStep, part: Part, slots: number, list: Uint32Array): Promise<void> {
    const { plan, projected, clock } = step;
    const { compressed: strides, selects } = branchesOf(plan);
    const { block: select } = selects;
    const { Hkv, G, d } = this.#s;
    const count = part.groups * part.size;
    const start = projected.start + part.from;
    const scores = this.#buffers.get("scores", count * Hkv * Math.ceil((start + count) / select));
    await clock.time(projected.layer, "compress", async () => {
      const weights = await this.#attend(step, part);
      this.#judge(strides, select, start, part, weights, scores);
    });
    const call = { start, count, heads: Hkv, G, share: 1, d, B: select, scale: 0, slots, scores };
    await clock.time(projected.layer, "select", () => this.#kernels.run({ op: "topk", ...call, list }, clock.signal));
  }

  /** Writes a part's rows of `out`; returns the weights [groups, Hkv, size, G, blocks that the last group sees]. */
  async #attend({ plan, projected, compressed, out, clock }: CompressedStep, part: Part): Promise<Float32Array> {
    const { Hq, Hkv, G, d, scale } = this.#s;
    const { from, groups, size } = part;
    const rows = out.subarray(from * Hq * d, (from + groups * size) * Hq * d);
    const last = compressedBlocks(branchesOf(plan).compressed, projected.start + from + 1) - 1;
    if (last < 0) {
      rows.fill(0);
      return this.#buffers.get("weights", 0);
    }
    const { q } = partOf(projected, from, groups * size, Hkv, this.#buffers);
    const attended = this.#buffers.get("compressed-out", rows.length);
    const weights = this.#buffers.get("weights", groups * size * Hq * (last + groups));
    const heads = { heads: size * Hq, G: 1, share: size * G, d, B: 1 };
    const call = { start: last, count: groups, ...heads, scale, q, out: attended, scores: weights };
    await this.#kernels.run({ op: "full", ...call, ...whole(compressed) }, clock.signal);
    const gate = extraOf(projected.extra, "compressGate" satisfies NsaTensor);
    for (let n = 0; n < groups * size * Hq; n++) {
      // n counts [groups, Hkv, size, G].
      const head = (Math.floor(n / (size * G)) % Hkv) * G + (n % G);
      const row = Math.floor(n / (size * Hq)) * size + (Math.floor(n / G) % size);
      const open = gate[(from + row) * Hq + head]!;
      for (let c = 0; c < d; c++) rows[(row * Hq + head) * d + c] = open * attended[n * d + c]!;
    }
    return weights;
  }

  /** What each query and KV head makes of the blocks that it may read: kernels/block-importance, into `scores`. */
  #judge(
    strides: Strides,
    select: number,
    start: number,
    part: Part,
    weights: Float32Array,
    scores: Float32Array,
  ): void {
    const { Hq, Hkv, G } = this.#s;
    const { groups, size } = part;
    const room = weights.length / (groups * size * Hq);
    const blocks = Math.ceil((start + groups * size) / select);
    const [wide, deep] = [select / strides.stride, strides.block / strides.stride];
    const summed = new Float32Array(room + wide + deep);
    for (let n = 0; n < groups * size * Hkv; n++) {
      const [row, kvHead] = [Math.floor(n / Hkv), n % Hkv];
      const at = ((Math.floor(row / size) * Hkv + kvHead) * size + (row % size)) * G * room;
      for (let i = 0; i < room; i++) {
        let sum = 0;
        for (let g = 0; g < G; g++) sum += weights[at + g * room + i]!;
        summed[i] = sum;
      }
      const own = Math.floor((start + row) / select);
      for (let j = 0; j < blocks; j++) {
        const forced = j === 0 || (j >= own - LOCAL_BEFORE && j <= own);
        let sum = 0;
        // Blocks that the query does not see, too: their compressed keys have no weight.
        for (let m = 0; m < wide && !forced; m++) for (let k = 0; k < deep; k++) sum += summed[wide * j + m - k] ?? 0;
        scores[n * blocks + j] = forced ? FORCED : sum;
      }
    }
  }
}

/** A chunk in parts of at most `most` queries, or of one group. */
function partsOf({ block, stride }: Strides, { start, count }: Chunk, most: number): Part[] {
  const parts: Part[] = [];
  for (let from = 0; from < count;) {
    const since = start + from - (block - 1);
    const left = count - from;
    // Before the first block is whole nothing is seen; then a group begins with every stride.
    const size = Math.min(left, since < 0 ? -since : stride - (since % stride));
    const groups = size === stride && since >= 0 ? Math.max(1, Math.floor(Math.min(left, most) / stride)) : 1;
    parts.push({ from, groups, size });
    from += groups * size;
  }
  return parts;
}
