import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CpuEngine } from "../../../src/engine/cpu/engine.ts";
import { KvCache } from "../../../src/engine/cpu/kv-cache.ts";
import { VARIANTS } from "../../../src/engine/engine.ts";
import { predictedKvBytes } from "../../../src/profile/kv.ts";
import { randomTokens, tinyArchitecture, tinyModel } from "../../kernels/tiny-model.ts";

describe("KV cache", () => {
  for (const first of [0, 1, 4, 20]) {
    it(`keeps the last w positions in a ring and the first ${first} beside it, whatever the chunks`, () => {
      const heads = 2;
      const d = 3;
      const w = 5;
      const memory = { floats: (count: number) => new Float32Array(count), release: () => undefined };
      for (const chunks of [[12], new Array<number>(12).fill(1), [4, 8], [5, 5, 2], [3, 9], [2, 1, 3, 6], [30, 1]]) {
        const ring = new KvCache(memory, heads, d, { kind: "ring", tokens: w, first });
        let length = 0;
        for (const rows of chunks) {
          ring.reserve(length + rows, length);
          const of = (kind: number): Float32Array =>
            Float32Array.from({ length: heads * rows * d }, (_, i) => {
              const head = Math.floor(i / (rows * d));
              const position = length + (Math.floor(i / d) % rows);
              return kind + head * 1000 + position * 10 + (i % d);
            });
          ring.append(of(0), of(0.5), length, rows);
          length += rows;
        }
        const held = Math.min(length, first + w);
        assert.equal(ring.bytes, 2 * heads * held * d * 4);
        const positions = Array.from({ length }, (_, p) => p).filter((p) => p < first || p >= length - w);
        for (let head = 0; head < heads; head++) {
          for (const position of positions) {
            for (let i = 0; i < d; i++) {
              const row = position < first ? position : first + ((position - first) % w);
              const at = (head * held + row) * d + i;
              const expected = head * 1000 + position * 10 + i;
              assert.equal(ring.k[at], expected, `chunks ${chunks.join()}`);
              assert.equal(ring.v[at], expected + 0.5);
            }
          }
        }
      }
    });
  }

  // The real block and window on a model small enough to prefill 32,768 tokens in seconds.
  const a = tinyArchitecture({
    layers: 3,
    hidden: 8,
    intermediate: 8,
    queryHeads: 2,
    kvHeads: 1,
    headDim: 4,
    sparsePerFull: 1,
    block: 64,
    selectedTokens: 512,
    window: 128,
    maxContext: 40_000,
  });
  const model = tinyModel(a, 1);
  for (const variant of VARIANTS) {
    it(`${variant} allocates what the formula says, to the byte, after prefill and with room for decode`, async () => {
      const engine = new CpuEngine();
      const runner = await engine.load(model, variant);
      // Compressed keys take seconds at the last one; nsa.test.ts holds the formula there.
      for (const tokens of [1, 63, 64, 65, 127, 128, 129, 4096, ...(variant === "nsa" ? [] : [32768])]) {
        await runner.prefill(randomTokens(a, tokens, tokens));
        assert.deepEqual(runner.kvBytes(), predictedKvBytes(a, variant, tokens, 4), `${tokens} tokens`);
        await runner.reserve(tokens + 5);
        await runner.decode(1);
        assert.deepEqual(
          runner.kvBytes(),
          predictedKvBytes(a, variant, tokens + 5, 4),
          `${tokens} tokens and room for 5`,
        );
      }
      await engine.dispose();
    });
  }

  it("matches the paper's ratios at 32k and 1M tokens", () => {
    const total = (
      shape: Parameters<typeof tinyArchitecture>[0],
      variant: "full" | "hysparse",
      tokens: number,
    ): number => predictedKvBytes(tinyArchitecture(shape), variant, tokens, 2).reduce((sum, bytes) => sum + bytes, 0);
    const large = { layers: 49, sparsePerFull: 11, queryHeads: 64, kvHeads: 4, headDim: 128, window: 128 };
    const small = { layers: 36, sparsePerFull: 3, queryHeads: 32, kvHeads: 8, headDim: 128, window: 128 };
    const ratio = (shape: typeof large, tokens: number): string =>
      (total(shape, "full", tokens) / total(shape, "hysparse", tokens)).toFixed(2);
    assert.equal(ratio(large, 32_768), "9.47");
    assert.equal(ratio(large, 1_048_576), "9.79");
    assert.equal(ratio(small, 32_768), "3.56");
  });
});
