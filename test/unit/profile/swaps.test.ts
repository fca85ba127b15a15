import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import type { ChooseBlocks } from "../../../src/engine/engine.ts";
import { loadTokenizer } from "../../../src/model/bpe.ts";
import { packageFile } from "../../../src/model/package-root.ts";
import { Random } from "../../../src/model/random.ts";
import { randomBlocks, recentBlocks } from "../../../src/profile/choose-blocks.ts";
import { pairedInterval, segmentTokens } from "../../../src/profile/paired-interval.ts";
import type { ParameterValue } from "../../../src/designs/values.ts";
import type { SwapName } from "../../../src/protocol/report.ts";
import { swapReport, type SwapMeasurement } from "../../../src/profile/swap-report.ts";
import { swapRuns } from "../../../src/profile/swap-runs.ts";
import { TokenLoss } from "../../../src/profile/token-loss.ts";
import { tinyArchitecture } from "../../kernels/tiny-model.ts";

/** 3 blocks of 8 tokens. */
const a = tinyArchitecture({ block: 8, selectedTokens: 24 });
const three = { block: 8, slots: 3 };

function choice(choose: ChooseBlocks, layer: number, query: number, kvHead: number): number[] {
  const out = new Uint32Array(3).fill(77);
  return [...out.subarray(0, choose(layer, query, kvHead, out))];
}

function near(actual: number, expected: number, within: number, what?: string): void {
  assert.ok(Math.abs(actual - expected) <= within, `${what ?? ""} ${actual}, expected ${expected}`);
}

describe("blocks chosen in place of the learned ones", () => {
  it("recent: the newest visible, the query's own among them", () => {
    const recent = recentBlocks(three);
    assert.deepEqual(choice(recent, 0, 0, 0), [0]);
    assert.deepEqual(choice(recent, 0, 15, 1), [0, 1]);
    assert.deepEqual(choice(recent, 0, 24, 0), [1, 2, 3]);
    assert.deepEqual(choice(recent, 4, 799, 1), [97, 98, 99]);
  });

  it("random: ascending, visible, as many as fit, and the same whenever asked", () => {
    const random = randomBlocks(three, 1);
    for (let query = 0; query < 400; query++) {
      for (const kvHead of [0, 1]) {
        const blocks = choice(random, 3, query, kvHead);
        const visible = Math.floor(query / 8) + 1;
        assert.equal(blocks.length, Math.min(3, visible));
        assert.ok(
          blocks.every((block, i) => block < visible && (i === 0 || block > blocks[i - 1]!)),
          blocks.join(),
        );
      }
    }
    const again = randomBlocks(three, 1);
    for (const query of [399, 5, 100]) assert.deepEqual(choice(again, 3, query, 1), choice(random, 3, query, 1));
  });

  it("random: another draw for another seed, oracle, query and KV head", () => {
    const all = new Set<string>();
    for (const seed of [0, 1, 2]) {
      for (const layer of [0, 4]) {
        for (const query of [8000, 8001]) {
          for (const kvHead of [0, 1]) all.add(choice(randomBlocks(three, seed), layer, query, kvHead).join());
        }
      }
    }
    assert.equal(all.size, 24, "24 draws of 3 blocks among 1001");
  });

  it("random: every set of blocks is equally likely", () => {
    // 5 visible blocks, 3 drawn: 10 sets, each expected 1000 times with a deviation of 30.
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 10_000; seed++) {
      const blocks = choice(randomBlocks(three, seed % 100), Math.floor(seed / 100), 36, 1).join();
      counts.set(blocks, (counts.get(blocks) ?? 0) + 1);
    }
    assert.equal(counts.size, 10);
    for (const [blocks, count] of counts) near(count, 1000, 150, blocks);
  });

  it("what is always read stays, and the rest is drawn from the others", () => {
    const forced = { ...three, forced: { first: 1, last: 1 } };
    assert.deepEqual(choice(recentBlocks(forced), 0, 24, 0), [0, 2, 3]);
    const drawn = new Set<string>();
    for (let draw = 0; draw < 50; draw++) drawn.add(choice(randomBlocks(forced, draw), 0, 39, 0).join());
    assert.deepEqual([...drawn].sort(), ["0,1,4", "0,2,4", "0,3,4"]);
    assert.deepEqual(choice(randomBlocks(forced, 0), 0, 23, 0), [0, 1, 2]);
    const none = swapRuns(a, "index-reuse", 1000).find(({ name }) => name === "none")?.swap;
    assert.ok(none?.kind === "blocks");
    const out = new Uint32Array(9);
    assert.deepEqual([...out.subarray(0, none.choose(0, 80, 0, out))], [0, 8, 9, 10], "window of 12, blocks of 8");
  });

  it("are run after the learned", () => {
    const titles = swapRuns(a, "hysparse", 25).map(({ title }) => title);
    const all = [
      "learned",
      "all",
      "recent",
      "random 1 of 3",
      "random 2 of 3",
      "random 3 of 3",
      "none",
      "restrict-last",
    ];
    assert.deepEqual(titles, all);
    assert.equal(swapRuns(a, "hysparse", 25)[0]?.swap, undefined);
    const open = { ...a, lastFull: false };
    assert.deepEqual(
      swapRuns({ ...open, layers: 3 }, "hysparse", 25).map(({ title }) => title),
      all.slice(0, -1),
      "a sparse last layer cannot be restricted further",
    );
    assert.equal(swapRuns({ ...open, layers: 4 }, "hysparse", 25).length, all.length, "full by its index");
  });

  it("all: with a k that holds every block, one of few; not where the model's own k does", () => {
    const k = (tokens: number): ParameterValue | undefined =>
      swapRuns(a, "hysparse", tokens).find(({ name }) => name === "all")?.parameters?.["k"];
    assert.deepEqual([24, 25, 32, 33, 64, 65, 1000].map(k), [undefined, 32, 32, 64, 64, 128, 1024]);
  });
});

describe("the loss of every token", () => {
  const tokens = Uint32Array.of(2, 0, 1, 3);
  /** Probabilities of the next token after each position; the last predicts nothing. */
  const rows = [
    [0.5, 0.25, 0.125, 0.125],
    [0.125, 0.0625, 0.75, 0.0625],
    [0.25, 0.25, 0.25, 0.25],
    [1, 1, 1, 1],
  ];
  const logits = Float32Array.from(rows.flat(), (p) => Math.log(p));

  it("is -log2 of its probability, whatever the pieces", () => {
    for (const piece of [1, 2, 3, 4]) {
      const loss = new TokenLoss(tokens, 4);
      for (let start = 0; start < 4; start += piece) loss.add(start, logits.slice(4 * start, 4 * (start + piece)));
      for (const [i, bits] of [1, 4, 2].entries()) near(loss.bits()[i]!, bits, 1e-6);
    }
  });

  it("does not overflow, and is never negative", () => {
    const loss = new TokenLoss(Uint32Array.of(0, 1, 0), 2);
    loss.add(0, Float32Array.of(3e4, -3e4, 88, 89, 0, 0));
    near(loss.bits()[0]!, 6e4 / Math.LN2, 1e-9);
    near(loss.bits()[1]!, Math.log2(1 + Math.E), 1e-12);
    const sure = new TokenLoss(Uint32Array.of(0, 1), 2);
    sure.add(0, Float32Array.of(-3e4, 3e4, 0, 0));
    assert.equal(sure.bits()[0], 0);
  });

  it("refuses gaps, too few positions, and logits that are no numbers", () => {
    const loss = new TokenLoss(tokens, 4);
    loss.add(0, logits.slice(0, 4));
    assert.throws(() => loss.add(2, logits.slice(8, 12)), /position 2 came where 1 was next/);
    assert.throws(() => loss.bits(), /logits of 1 positions came, not of 4/);
    loss.add(1, Float32Array.of(NaN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    assert.throws(() => loss.bits(), /the loss of token 2 is NaN/);
  });
});

describe("the interval of a paired difference", () => {
  it("has no width where every byte costs the same more", () => {
    const sizes = Float64Array.from({ length: 1000 }, (_, i) => 1 + (i % 5));
    const { added, low, high } = pairedInterval(
      sizes.map((size) => 0.25 * size),
      sizes,
    );
    for (const value of [added, low, high]) near(value, 0.25, 1e-12);
  });

  it("is that of the segments' means where all are alike in size", () => {
    assert.deepEqual([16, 100, 2048, 5000].map(segmentTokens), [2, 12, 256, 256]);
    // 8 segments of 2 tokens of 1 byte, with sums 2, 4, .. 16: mean 9 and deviation 4.899 per 2 bytes.
    const values = Float64Array.from({ length: 16 }, (_, i) => Math.floor(i / 2) + 1);
    const { added, low, high } = pairedInterval(values, new Float64Array(16).fill(1));
    near(added, 4.5, 1e-12);
    near(high - added, (2.36462 * 4.898979) / Math.sqrt(8) / 2, 1e-4);
    near(added - low, high - added, 1e-12);
  });

  it("holds the true difference in about 95 of 100 texts", () => {
    const random = new Random(4);
    let held = 0;
    for (let text = 0; text < 400; text++) {
      const values = Float64Array.from(random.gaussians(900), (value) => value + 0.3);
      const { low, high } = pairedInterval(values, new Float64Array(900).fill(1));
      if (low <= 0.3 && high >= 0.3) held++;
    }
    near(held / 400, 0.95, 0.035);
  });
});

describe("the report of swaps", () => {
  /** 40 predicted tokens in 6 blocks of 8, one byte and two characters each. */
  function measurement(changes: Partial<SwapMeasurement> = {}): SwapMeasurement {
    const constant = (bits: number): Float64Array => new Float64Array(40).fill(bits);
    const bits = new Map<SwapName, readonly Float64Array[]>([
      ["learned", [constant(2)]],
      ["none", [constant(2).map((value, i) => (i === 7 ? 9 : value))]],
      ["random", [constant(3), constant(2).map((value, i) => (i === 7 || i === 39 ? 14 : value)), constant(1)]],
    ]);
    return {
      bits,
      bytes: new Float64Array(40).fill(1),
      document: { blockRanges: Array.from({ length: 6 }, (_, i) => [16 * i, Math.min(82, 16 * (i + 1))]) },
      text: "0123456\n".repeat(10) + "ab",
      includeText: false,
      block: 8,
      allSelected: false,
      ...changes,
    };
  }

  it("has learned first, every draw, and differences to learned", () => {
    const { results, tokens, bytes } = swapReport(measurement());
    assert.deepEqual([tokens, bytes], [40, 40]);
    assert.deepEqual(
      results.map(({ name }) => name),
      ["learned", "random", "none"],
    );
    const [learned, random, none] = results;
    assert.deepEqual(learned, { name: "learned", bitsPerByte: 2, samples: [2], added: 0, addedLow: 0, addedHigh: 0 });
    assert.deepEqual(random?.samples, [3, 104 / 40, 1]);
    near(random.bitsPerByte, 2.2, 1e-12);
    near(random.added, 0.2, 1e-12);
    near(none!.added, 7 / 40, 1e-12);
    assert.ok(none!.addedLow < none!.added && none!.addedHigh > none!.added);
  });

  it("names the places that cost most, of the block that holds the token, with lines", () => {
    const { places } = swapReport(measurement());
    // Entry 7 is token 8, the first of block 1; entry 39 is token 40, the only one of block 5.
    assert.deepEqual(
      places.map(({ block, addedBits }) => [block, addedBits]),
      [
        [1, 4],
        [5, 4],
      ],
    );
    assert.deepEqual(places[0], { block: 1, start: 16, end: 32, startLine: 3, endLine: 4, addedBits: 4 });
    assert.deepEqual(places[1], { block: 5, start: 80, end: 82, startLine: 11, endLine: 11, addedBits: 4 });
    assert.equal(swapReport(measurement({ includeText: true })).places[1]?.text, "ab");
    assert.deepEqual(swapReport(measurement({ allSelected: true })).places, [], "what differs is noise");
  });

  it("counts the bytes of tokens exactly, also of those that end inside a character", () => {
    const tokenizer = loadTokenizer(readFileSync(packageFile("media/model/tokenizer.json"), "utf8"), "embedded");
    for (const text of ["Größe: 12 µm, 日本語, 👩‍👩‍👧 und mehr.\r\n", "plain", "\ud83d lone", "\ufeffmark"]) {
      const { ids } = tokenizer.encode(text);
      const bytes = Array.from(ids, (id) => tokenizer.byteLength(id)).reduce((sum, length) => sum + length, 0);
      assert.equal(bytes, Buffer.byteLength(text, "utf8"), text);
    }
    assert.equal(tokenizer.byteLength(1_000_000), 0);
  });
});
