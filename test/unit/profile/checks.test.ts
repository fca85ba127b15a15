import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Variant } from "../../../src/engine/engine.ts";
import { CpuEngine } from "../../../src/engine/cpu/engine.ts";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import type { OracleSelection } from "../../../src/engine/selection.ts";
import { UserError } from "../../../src/model/errors.ts";
import type { Model } from "../../../src/model/model.ts";
import { answerable, answerableFor } from "../../../src/profile/answerable.ts";
import { attended, topBlocks } from "../../../src/profile/attended.ts";
import { fidelityShortage } from "../../../src/profile/fidelity.ts";
import { profile } from "../../../src/profile/profile.ts";
import type { FidelityLayer } from "../../../src/protocol/report.ts";
import type { ProfileProgress, ProfileRequest } from "../../../src/profile/request.ts";
import { sampledQueries } from "../../../src/profile/sampled-queries.ts";
import { asDense } from "../../fixtures/model/checkpoint-folder.ts";
import { model, QuickEngine, reported, request, TEXT } from "./tiny-profile.ts";

const a = model.architecture;

/** What one prefill says of every layer. */
async function projected(
  variant: Variant,
): Promise<{ q: Float32Array[]; k: Float32Array[]; oracles: readonly OracleSelection[] }> {
  const runner = await new ReferenceEngine().load(model, variant, { chunk: 100 });
  const q: Float32Array[] = [];
  const k: Float32Array[] = [];
  const tokens = model.tokenizer.encode(TEXT).ids.slice(0, 100);
  await runner.prefill(tokens, {
    observer: {
      onProjected: (layer, start, queries, keys) => {
        assert.equal(start, 0);
        q[layer] = queries.slice();
        k[layer] = keys.slice();
      },
    },
  });
  return { q, k, oracles: (await runner.selection())?.oracles ?? [] };
}

describe("oracle fidelity in a profile", () => {
  const row = (q: Float32Array, position: number): Float32Array => q.subarray(position * 64, (position + 1) * 64);

  /** Mean share of `layer`'s attention over `keys` in the blocks that `blocks` names for a query and KV head. */
  function share(
    q: Float32Array,
    keys: Float32Array,
    blocks: (position: number, kvHead: number) => readonly number[],
  ): number {
    const positions = sampledQueries(a, 100, 64);
    let sum = 0;
    for (const position of positions) {
      const { mass, visible } = attended(a, row(q, position), keys, position);
      for (let head = 0; head < 4; head++) {
        for (const block of blocks(position, head >> 1)) sum += mass[head * visible + block]!;
      }
    }
    return sum / positions.length / 4;
  }

  it("holds a sparse layer's queries against its oracle's keys and selection, a dense layer's against its own", async () => {
    const { fidelity, settings, variants } = await reported({ fidelity: true });
    assert.match(variants.full?.note ?? "", /were trained as HySparse/);
    assert.equal(settings.fidelity, true);
    assert.equal(fidelity?.queries, 64);
    assert.deepEqual(fidelity.positions, sampledQueries(a, 100, 64));
    assert.match(fidelity.method, /64 query positions/);
    for (const variant of ["hysparse", "full"] as const) {
      const { q, k, oracles } = await projected(variant);
      const layers: FidelityLayer[] = fidelity.variants[variant]?.layers ?? [];
      assert.deepEqual(
        layers.map(({ layer, oracle, distance }) => [layer, oracle, distance]),
        [
          [1, 0, 1],
          [2, 0, 2],
        ],
      );
      const looked = (position: number): number[][] => topBlocks(a, attended(a, row(q[0]!, position), k[0]!, position));
      const selected = (position: number, kvHead: number): number[] =>
        variant === "hysparse" ? oracles[0]!.at(position, kvHead).blocks : looked(position)[kvHead]!;
      for (const { layer, mass } of layers) {
        const expected = share(q[layer]!, variant === "hysparse" ? k[0]! : k[layer]!, selected);
        assert.ok(Math.abs(mass.inherited - expected) < 1e-12, `${variant} ${layer}: ${mass.inherited}, ${expected}`);
        assert.ok(mass.own > mass.random && mass.ownOrWindow >= mass.own && mass.inheritedOrWindow >= mass.inherited);
      }
      // The oracle's own scores choose what the engine selected: the same rule on the same numbers.
      for (const oracle of oracles) {
        for (const position of sampledQueries(a, 100, 64)) {
          assert.deepEqual(looked(position), [oracle.at(position, 0).blocks, oracle.at(position, 1).blocks]);
        }
      }
    }
  });

  it("is the same for every chunking, and measures only the variants that were run", async () => {
    const one = await reported({ fidelity: true, variants: ["full", "hybrid-swa"], chunk: 100 });
    const many = await reported({ fidelity: true, variants: ["full"], chunk: 7 });
    assert.equal(one.fidelity?.variants.hysparse, undefined);
    const [x, y] = [one, many].map((report) => report.fidelity!.variants.full!.layers);
    for (const [i, layer] of x!.entries()) {
      assert.ok(Math.abs(layer.mass.inherited - y![i]!.mass.inherited) < 1e-6);
      assert.ok(Math.abs(layer.mass.own - y![i]!.mass.own) < 1e-6);
    }
  });

  it("is left out with a warning where every query selects all it sees", async () => {
    const report = await reported({ fidelity: true, maxTokens: 16 });
    assert.equal(report.fidelity, undefined);
    assert.ok(report.warnings.some((said) => said.includes("every block is selected up to 16 tokens")));
    assert.equal((await reported({ fidelity: true, maxTokens: 17 })).fidelity?.queries, 1);
  });

  it("knows how many tokens' keys memory can hold", () => {
    // Two sparse layers and their oracle, 2 heads of 16 values of 4 bytes.
    const perToken = 3 * 2 * 16 * 4;
    assert.equal(fidelityShortage(request(), 1000, 1000 * perToken), undefined);
    const shortage = fidelityShortage(request(), 1001, 1000 * perToken);
    assert.equal(shortage?.fits, 1000);
    assert.match(shortage.why, /keys of 3 layers need .* for 1001 tokens, and .* are available/);
    assert.equal(fidelityShortage(request({ variants: ["hysparse"] }), 3000, 1000 * perToken), undefined);
  });
});

describe("a dense model in a profile", () => {
  const dense = asDense({ ...model, name: "my dense" });

  for (const Tried of [QuickEngine, CpuEngine]) {
    it(`runs as full, and its fidelity lays the schedule over it: ${Tried.name}`, async () => {
      const report = await reported({ engine: new Tried(), model: dense, variants: ["full"], fidelity: true });
      assert.equal(report.variants.full?.note, undefined, "it is what these weights were trained for");
      assert.ok(!report.warnings.some((said) => said.includes("trained as HySparse")));
      const { fidelity } = await reported({ variants: ["full"], fidelity: true });
      const [own, same] = [report.fidelity, fidelity].map((of) => of!.variants.full!.layers);
      for (const [i, layer] of own!.entries()) {
        assert.ok(Math.abs(layer.mass.own - same![i]!.mass.own) < 1e-5, "gates and sinks play no part under full");
      }
    });
  }
});

describe("checks that are asked for", () => {
  const dense = asDense({ ...model, name: "my dense" });
  const synthetic: Model = { ...model, origin: "synthetic" };
  const level: Model = { ...model, architecture: { ...a, sparsePerFull: 0 } };

  it("are refused where they cannot be answered, before anything is run", async () => {
    const wrong: readonly (readonly [Partial<ProfileRequest>, RegExp])[] = [
      [{ fidelity: true, model: synthetic }, /random, so its attention means nothing: drop --fidelity or/],
      [{ fidelity: true, swaps: true, model: synthetic }, /drop --fidelity and --swaps or choose a trained model/],
      [{ fidelity: true, variants: ["hybrid-swa"] }, /neither hysparse nor full .*: add one of them to --variants/],
      [{ swaps: true, variants: ["full"] }, /add hysparse to --variants/],
      [{ swaps: true, model: dense, variants: ["full"] }, /my dense is a dense model and selects nothing/],
      [{ fidelity: true, model: level }, /no sparse layers/],
      [{ model: dense }, /my dense is a dense model.* hysparse need: run it with --variants full/],
      [{ model: dense, variants: ["full", "hybrid-swa", "hysparse"] }, /hybrid-swa and hysparse need/],
    ];
    for (const [changes, message] of wrong) {
      const told: ProfileProgress[] = [];
      const run = profile(request({ ...changes, onProgress: (progress) => void told.push(progress) }));
      await assert.rejects(run, (error) => error instanceof UserError && message.test(error.message), String(message));
      assert.deepEqual(told, []);
    }
  });

  it("a dense model's selection is swapped under a design that reuses it", async () => {
    const designs = ["index-reuse:anchors=0+2,k=8,window=1"];
    const { swaps, selection, variants } = await reported({ model: dense, variants: ["full"], designs, swaps: true });
    assert.deepEqual(
      swaps?.results.map(({ name }) => name),
      ["learned", "all", "recent", "random", "none"],
    );
    // Everything is what full attention does; nothing chosen leaves the first block and the query's own.
    assert.deepEqual(
      selection?.oracles.map(({ layer, feeds, queries }) => [layer, feeds, queries[0]?.heads[0]?.blocks.length]),
      [
        [0, [1], 3],
        [2, [3], 3],
      ],
    );
    const reuse = variants["index-reuse"];
    assert.deepEqual(reuse?.parameters, { anchors: "0+2", k: 8, block: 8, first: 4, window: 1 });
    assert.equal(reuse.note, undefined);
    assert.deepEqual(
      reuse.layers.map(({ kind, chosenBy, kvBytes }) => [kind, chosenBy, kvBytes]),
      variants.full?.layers.map(({ kvBytes }, layer) =>
        layer % 2 === 0 ? ["full", undefined, kvBytes] : ["reuse", layer - 1, kvBytes],
      ),
    );
    assert.ok(reuse.layers.every(({ prefill }) => Object.values(prefill.stages).every((stage) => stage.floorMs > 0)));
  });

  it("are refused where memory cannot hold them", () => {
    const asked = answerable(request({ fidelity: true, swaps: true }));
    assert.deepEqual(answerableFor(100, asked), asked);
    assert.throws(
      () => answerableFor(1e12, asked),
      (error) => error instanceof UserError && /--max-tokens \d+ would fit, or drop --fidelity$/.test(error.message),
    );
    const { request: left, leftOut } = answerableFor(1e12, answerable({ ...asked.request, checksIfPossible: true }));
    assert.deepEqual([left.fidelity, left.swaps], [false, true]);
    assert.match(leftOut.join("\n"), /^Oracle fidelity skipped: the keys of 3 layers need .* available\.$/);
  });

  it("are left out with a warning where they were only wanted if possible, and what can be measured stays", async () => {
    const all = { fidelity: true, swaps: true, checksIfPossible: true };
    const reasons: readonly (readonly [
      Partial<ProfileRequest>,
      readonly string[],
      readonly ("fidelity" | "swaps")[],
    ])[] = [
      [{}, [], ["fidelity", "swaps"]],
      [{ model: synthetic }, ["Selection checks skipped: the weights of tiny random model are random"], []],
      [{ model: level }, ["Selection checks skipped: tiny random model has no sparse layers"], []],
      [{ model: dense, variants: ["full"] }, ["Selection swaps skipped: my dense is a dense model"], ["fidelity"]],
      [{ variants: ["full"] }, ["Selection swaps skipped: hysparse is not among"], ["fidelity"]],
      [
        { variants: ["hybrid-swa"] },
        ["Selection swaps skipped: hysparse is not", "Oracle fidelity skipped: neither hysparse nor"],
        [],
      ],
    ];
    for (const [changes, expected, measured] of reasons) {
      const report = await reported({ ...all, ...changes });
      const told = report.warnings.filter((said) => said.includes(" skipped: "));
      assert.equal(told.length, expected.length, told.join("\n"));
      expected.forEach((start, i) => assert.ok(told[i]!.startsWith(start), told[i]));
      assert.ok(!told.join().includes("--"), "the words fit the editor, too");
      for (const check of ["fidelity", "swaps"] as const) {
        const is = measured.includes(check);
        assert.equal(report[check] !== undefined, is, check);
        assert.equal(report.settings[check], is ? true : undefined, "only what can be repeated as it stands");
      }
    }
  });

  it("tell progress that only grows, with what they do, and come after all that is timed", async () => {
    const seen: ProfileProgress[] = [];
    await profile(
      request({ fidelity: true, swaps: true, sweep: [20], onProgress: (progress) => void seen.push(progress) }),
    );
    const shares = seen.map(({ done, total }) => done / total);
    shares.slice(1).forEach((share, i) => assert.ok(share >= shares[i]! - 1e-12, `${share} after ${shares[i]!}`));
    assert.ok(Math.abs(shares.at(-1)! - 1) < 1e-9);
    const phases = [...new Set(seen.map(({ phase }) => phase))];
    const first = phases.indexOf("oracle fidelity");
    assert.deepEqual(phases.slice(first), [
      "oracle fidelity",
      ...["learned", "all", "recent", "random 1 of 3", "random 2 of 3", "random 3 of 3", "none", "restrict-last"].map(
        (title) => `selection replaced: ${title}`,
      ),
    ]);
    assert.ok(first > phases.indexOf("peak memory") && phases.includes("peak memory"));
  });

  it("stop when cancelled", async () => {
    for (const at of ["oracle fidelity", "selection replaced: random 2 of 3"]) {
      const stop = new AbortController();
      const reason = new Error("stopped by the test");
      const later: string[] = [];
      const onProgress = ({ phase }: ProfileProgress): void => {
        if (phase === at) stop.abort(reason);
        else if (stop.signal.aborted) later.push(phase);
      };
      await assert.rejects(profile(request({ fidelity: true, swaps: true, signal: stop.signal, onProgress })), reason);
      assert.deepEqual(later, []);
    }
  });
});
