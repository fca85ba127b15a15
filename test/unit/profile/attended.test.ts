import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Architecture } from "../../../src/model/architecture.ts";
import { Random } from "../../../src/model/random.ts";
import { attended, topBlocks, type Attended } from "../../../src/profile/attended.ts";
import { FidelityShares } from "../../../src/profile/fidelity-shares.ts";
import { Projections } from "../../../src/profile/projections.ts";
import { sampledQueries } from "../../../src/profile/sampled-queries.ts";
import { tinyArchitecture } from "../../kernels/tiny-model.ts";

/** Two KV heads of two query heads each; 2 blocks of 8 tokens are selected. */
const shape = (changes: Partial<Architecture> = {}): Architecture =>
  tinyArchitecture({ queryHeads: 4, kvHeads: 2, headDim: 6, block: 8, selectedTokens: 16, window: 12, ...changes });

interface Case {
  readonly a: Architecture;
  readonly position: number;
  readonly query: Float32Array;
  readonly keys: Float32Array;
}

function randomCase(a: Architecture, position: number, seed: number): Case {
  const random = new Random(seed);
  return {
    a,
    position,
    query: random.gaussians(a.queryHeads * a.headDim).map((value) => 2 * value),
    keys: random.gaussians((position + 5) * a.kvHeads * a.headDim),
  };
}

/** Probability of every visible key for one query head, key by key and without any shortcut. */
function probabilities({ a, position, query, keys }: Case, head: number): number[] {
  const kvHead = Math.floor(head / (a.queryHeads / a.kvHeads));
  const logits = Array.from({ length: position + 1 }, (_, key) =>
    Array.from({ length: a.headDim }, (_, i) => {
      return query[head * a.headDim + i]! * keys[(key * a.kvHeads + kvHead) * a.headDim + i]!;
    }).reduce((sum, product) => sum + product / Math.sqrt(a.headDim), 0),
  );
  const weights = logits.map((logit) => Math.exp(logit));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Share of the keys for which `wanted` holds. */
function massOf(of: Case, head: number, wanted: (key: number) => boolean): number {
  return probabilities(of, head).reduce((sum, probability, key) => sum + (wanted(key) ? probability : 0), 0);
}

/** The blocks a KV head would select: highest first while there is room, the first of equals. */
function chosen(of: Case, kvHead: number): Set<number> {
  const { a, position } = of;
  const group = a.queryHeads / a.kvHeads;
  const visible = Math.ceil((position + 1) / a.block);
  const scores = Array.from({ length: visible }, (_, block) =>
    Math.max(
      ...Array.from({ length: group }, (_, g) =>
        Math.max(...probabilities(of, kvHead * group + g).slice(block * a.block, (block + 1) * a.block)),
      ),
    ),
  );
  const taken = new Set<number>();
  while (taken.size < Math.min(visible, a.selectedTokens / a.block)) {
    const left = scores.map((score, block) => (taken.has(block) ? -1 : score));
    taken.add(left.indexOf(Math.max(...left)));
  }
  return taken;
}

function near(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) < 1e-12, `${what}: ${actual}, expected ${expected}`);
}

const CASES: readonly (readonly [name: string, a: Architecture, position: number])[] = [
  ["the first position that sees more blocks than are selected, one key in the last", shape(), 16],
  ["a full last block", shape(), 31],
  ["a last block in part", shape(), 45],
  ["a window wider than the context", shape({ window: 200 }), 37],
  ["a window of one token", shape({ window: 1 }), 40],
  ["query heads that share nothing", shape({ queryHeads: 2 }), 33],
  ["one KV head for all", shape({ kvHeads: 1 }), 33],
];

describe("where a query looks", () => {
  for (const [name, a, position] of CASES) {
    it(`is its exact softmax by block, and shares add up as by hand: ${name}`, () => {
      const of = randomCase(a, position, position);
      const looked = attended(a, of.query, of.keys, position);
      const { visible } = looked;
      assert.equal(visible, Math.ceil((position + 1) / a.block));
      const group = a.queryHeads / a.kvHeads;
      const inBlock = (block: number) => (key: number) => Math.floor(key / a.block) === block;
      const inWindow = (key: number): boolean => position - key < a.window;
      for (let head = 0; head < a.queryHeads; head++) {
        for (let block = 0; block < visible; block++) {
          const at = head * visible + block;
          near(looked.mass[at]!, massOf(of, head, inBlock(block)), `mass of block ${block}`);
          near(
            looked.inWindow[at]!,
            massOf(of, head, (key) => inBlock(block)(key) && inWindow(key)),
            `window in block ${block}`,
          );
        }
      }
      const own = Array.from({ length: a.kvHeads }, (_, kvHead) => chosen(of, kvHead));
      assert.deepEqual(
        topBlocks(a, looked),
        own.map((blocks) => [...blocks].sort((x, y) => x - y)),
      );

      // Blocks that another layer might have chosen: the first, and the last but one.
      const inherited = Array.from({ length: a.kvHeads }, (_, kvHead) => [0, visible - 2 + (kvHead % 2)]);
      const shares = new FidelityShares(a);
      shares.add(position, looked, inherited);
      const { mass, blocks } = shares.report();
      const heads = Array.from({ length: a.queryHeads }, (_, head) => head);
      const meanMass = (wanted: (key: number, kvHead: number) => boolean): number =>
        heads.reduce((sum, head) => sum + massOf(of, head, (key) => wanted(key, Math.floor(head / group))), 0) /
        heads.length;
      const block = (key: number): number => Math.floor(key / a.block);
      const kept = (key: number, kvHead: number): boolean => inherited[kvHead]!.includes(block(key));
      const mine = (key: number, kvHead: number): boolean => own[kvHead]!.has(block(key));
      near(mass.inherited, meanMass(kept), "inherited");
      near(
        mass.inheritedOrWindow,
        meanMass((key, g) => kept(key, g) || inWindow(key)),
        "inherited or window",
      );
      near(mass.own, meanMass(mine), "own");
      near(
        mass.ownOrWindow,
        meanMass((key, g) => mine(key, g) || inWindow(key)),
        "own or window",
      );
      near(
        mass.recent,
        meanMass((key) => block(key) >= visible - 2),
        "recent",
      );
      near(mass.window, meanMass(inWindow), "window");
      near(mass.random, 2 / visible, "random");
      const each = heads.map((head) => massOf(of, head, (key) => kept(key, Math.floor(head / group))));
      assert.ok(mass.inheritedLow >= Math.min(...each) - 1e-12 && mass.inheritedLow <= mass.inherited + 1e-12);

      const whole = (index: number): boolean => {
        const keys = Array.from({ length: position + 1 }, (_, key) => key).filter((key) => block(key) === index);
        return keys.every(inWindow);
      };
      const shareOf = (good: (index: number, kvHead: number) => boolean): number =>
        own.reduce((sum, set, g) => sum + [...set].filter((index) => good(index, g)).length / set.size, 0) / own.length;
      near(
        blocks.inherited,
        shareOf((index, g) => inherited[g]!.includes(index)),
        "blocks",
      );
      near(
        blocks.inheritedOrWindow,
        shareOf((index, g) => inherited[g]!.includes(index) || whole(index)),
        "blocks or window",
      );
      near(blocks.random, 2 / visible, "random blocks");
    });
  }

  it("counts a block as reached by the window only when its first key is", () => {
    const a = shape({ queryHeads: 1, kvHeads: 1 });
    const reached = (position: number): number => {
      const looked: Attended = {
        visible: 4,
        mass: Float64Array.of(0, 0.5, 0.5, 0),
        inWindow: new Float64Array(4),
        scores: Float64Array.of(0, 0.5, 0.5, 0),
      };
      const shares = new FidelityShares(a);
      shares.add(position, looked, [[0, 3]]);
      return shares.report().blocks.inheritedOrWindow;
    };
    // A window of 12 begins at position - 11; of the chosen blocks 1 and 2 the second begins at 16.
    assert.deepEqual([26, 27, 28].map(reached), [0.5, 0.5, 0]);
  });

  it("gives random blocks what they hold on average over every choice", () => {
    const of = randomCase(shape(), 45, 3);
    const { visible, mass } = attended(of.a, of.query, of.keys, of.position);
    let sum = 0;
    let choices = 0;
    for (let i = 0; i < visible; i++) {
      for (let j = i + 1; j < visible; j++, choices++) sum += mass[i]! + mass[j]!;
    }
    near(sum / choices, 2 / visible, "mean over all pairs of blocks");
  });

  it("chooses the lower of equal blocks, and stays finite where logits are huge", () => {
    const a = shape();
    const flat: Attended = attended(a, new Float32Array(24), randomCase(a, 45, 1).keys, 45);
    assert.deepEqual(topBlocks(a, flat), [
      [0, 1],
      [0, 1],
    ]);
    const of = randomCase(a, 45, 2);
    const loud = attended(
      a,
      of.query.map((value) => 1e4 * value),
      of.keys,
      45,
    );
    const shares = new FidelityShares(a);
    shares.add(45, loud, topBlocks(a, loud));
    const { mass } = shares.report();
    near(mass.own, 1, "all mass lies on one key");
    assert.ok(mass.own <= 1 && mass.inherited <= 1);
  });
});

describe("sampled queries", () => {
  it("are those that see more blocks than are selected, evenly spread, and none where there are none", () => {
    const a = shape();
    assert.deepEqual(sampledQueries(a, 16, 64), []);
    assert.deepEqual(sampledQueries(a, 17, 64), [16], "the first that must choose sees one key of its third block");
    assert.deepEqual(
      sampledQueries(a, 50, 64),
      Array.from({ length: 34 }, (_, i) => 16 + i),
    );
    for (const tokens of [81, 1000, 16 + 64 * 8, 100_000]) {
      const positions = sampledQueries(a, tokens, 64);
      assert.equal(positions.length, 64);
      const stretch = (tokens - 16) / 64;
      for (const [i, position] of positions.entries()) {
        assert.ok(position >= Math.floor(16 + i * stretch) && position < 16 + (i + 1) * stretch, `${position} of ${i}`);
        assert.ok(Math.floor(position / a.block) + 1 > 2);
      }
      if (stretch >= 8) {
        const places = new Set(positions.map((position) => position % a.block));
        assert.equal(places.size, a.block, "at all places within a block, also where stretches are whole blocks");
      }
    }
  });
});

describe("kept projections", () => {
  const a = shape();
  const values = (layer: number, width: number, rows: number): Float32Array =>
    Float32Array.from({ length: rows * width }, (_, i) => layer * 10_000 + i);

  it("are the same for every chunking, and refuse to be incomplete", () => {
    const asked = { positions: [2, 7, 19], queryLayers: [1], keyLayers: [0, 1], valueLayers: [1] };
    for (const chunk of [1, 3, 8, 20]) {
      const kept = new Projections(a, 20, asked);
      for (let start = 0; start < 20; start += chunk) {
        const end = Math.min(20, start + chunk);
        assert.throws(() => kept.requireWhole(), /missing/);
        for (const layer of [0, 1, 2]) {
          kept.add(
            layer,
            start,
            values(layer, 24, 20).slice(start * 24, end * 24),
            values(layer, 12, 20).slice(start * 12, end * 12),
            values(layer + 10, 12, 20).slice(start * 12, end * 12),
          );
        }
      }
      kept.requireWhole();
      assert.deepEqual(kept.keys(1), values(1, 12, 20));
      assert.deepEqual(kept.values(1), values(11, 12, 20));
      assert.deepEqual(kept.query(1, 1), values(1, 24, 20).subarray(7 * 24, 8 * 24));
      assert.throws(() => kept.query(0, 0), /layer 0 was not kept/);
    }
  });
});
