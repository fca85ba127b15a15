import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import type { Model } from "../../../src/model/model.ts";
import { attended, rankedBlocks } from "../../../src/profile/attended.ts";
import { inconsistencies } from "../../../src/profile/report-consistency.ts";
import type { OracleMap } from "../../../src/protocol/oracle-map.ts";
import type { Report } from "../../../src/protocol/report.ts";
import { asDense } from "../../fixtures/model/checkpoint-folder.ts";
import { model, reported, request, TEXT } from "./tiny-profile.ts";

const { queryHeads, kvHeads, headDim, hidden, layers, block, window } = model.architecture;
const group = queryHeads / kvHeads;

/** What one prefill under full attention says of every layer; the output of a layer is the input of the next. */
interface Seen {
  readonly q: Float32Array[];
  readonly k: Float32Array[];
  readonly v: Float32Array[];
  readonly outputs: Float32Array[];
}

async function seen(of: Model): Promise<Seen> {
  const found: Seen = { q: [], k: [], v: [], outputs: [] };
  const runner = await new ReferenceEngine().load(of, "full", { chunk: 100 });
  await runner.prefill(of.tokenizer.encode(TEXT).ids.slice(0, 100), {
    observer: {
      onProjected: (layer, _, q, k, v) => {
        found.q[layer] = q.slice();
        found.k[layer] = k.slice();
        found.v[layer] = v.slice();
      },
      onLayerOutput: (layer, _, output) => (found.outputs[layer] = output.slice()),
    },
  });
  await runner.dispose();
  return found;
}

const mapOf = (report: Report): OracleMap => {
  assert.ok(report.oracleMap);
  return report.oracleMap;
};

function near(found: number, wanted: number, what: string): void {
  assert.ok(Math.abs(found - wanted) <= 1e-5 * Math.max(1, wanted), `${what}: ${found}, wanted ${wanted}`);
}

/** Errors are told to five digits. */
function nearError(found: number, wanted: number, what: string): void {
  assert.ok(Math.abs(found / wanted - 1) <= 1e-4, `${what}: ${found}, wanted ${wanted}`);
}

/** Key by key: shares of `layer` inside the first `count` blocks of a list by KV head, means over queries and query heads. */
function byKeys(s: Seen, layer: number, positions: readonly number[], lists: (p: number, kvHead: number) => number[]) {
  const sums = { mass: 0, withWindow: 0, rest: 0 };
  let rest = 0;
  for (const position of positions) {
    const width = queryHeads * headDim;
    const query = s.q[layer]!.subarray(position * width, (position + 1) * width);
    attended(model.architecture, query, s.k[layer]!, position, (head, probabilities) => {
      const blocks = lists(position, Math.floor(head / group));
      probabilities.forEach((p, key) => {
        const inside = blocks.includes(Math.floor(key / block));
        const near = key > position - window;
        if (inside) sums.mass += p;
        if (inside || near) sums.withWindow += p;
        if (near || key < block) return;
        rest += p;
        if (inside) sums.rest += p;
      });
    });
  }
  const rows = positions.length * queryHeads;
  return { mass: sums.mass / rows, withWindow: sums.withWindow / rows, rest: sums.rest / rest };
}

/** |W_o (o' - o)|^2 / |x|^2, key by key, mean over queries. */
async function errorByKeys(
  s: Seen,
  layer: number,
  positions: readonly number[],
  lists: (p: number, kvHead: number) => number[],
): Promise<number> {
  const width = queryHeads * headDim;
  const output = new Float32Array(hidden * width);
  await model.weights.layer(layer).o.read(output);
  let sum = 0;
  for (const position of positions) {
    const moved = new Float64Array(width);
    const query = s.q[layer]!.subarray(position * width, (position + 1) * width);
    attended(model.architecture, query, s.k[layer]!, position, (head, probabilities) => {
      const kvHead = Math.floor(head / group);
      const blocks = lists(position, kvHead);
      const read = (key: number): boolean => key > position - window || blocks.includes(Math.floor(key / block));
      const whole = probabilities.reduce((total, p, key) => total + (read(key) ? p : 0), 0);
      probabilities.forEach((p, key) => {
        const change = (read(key) ? p / whole : 0) - p;
        for (let i = 0; i < headDim; i++) {
          moved[head * headDim + i]! += change * s.v[layer]![(key * kvHeads + kvHead) * headDim + i]!;
        }
      });
    });
    const x = s.outputs[layer - 1]!.subarray(position * hidden, (position + 1) * hidden);
    let norm = 0;
    for (let row = 0; row < hidden; row++) {
      norm += moved.reduce((total, value, i) => total + value * output[row * width + i]!, 0) ** 2;
    }
    sum += norm / x.reduce((total, value) => total + value * value, 0);
  }
  return sum / positions.length;
}

describe("an oracle map", () => {
  it("is what every pair of layers gives key by key", async () => {
    const s = await seen(model);
    const report = await reported({ variants: ["full"], oracleMap: 2 * block, maxTokens: 100 });
    const map = mapOf(report);
    assert.deepEqual(inconsistencies(report), []);
    assert.equal(report.settings.oracleMap, 16);
    assert.deepEqual([map.block, map.window, map.k], [block, window, 16]);
    assert.deepEqual(
      map.budgets.map(({ k }) => k),
      [8, 16, 24, 32, 48],
    );
    const chosenBy = (source: number, count: number) => (position: number, kvHead: number) => {
      const width = queryHeads * headDim;
      const query = s.q[source]!.subarray(position * width, (position + 1) * width);
      const looked = attended(model.architecture, query, s.k[source]!, position);
      return rankedBlocks(looked, kvHead).slice(0, count);
    };
    const newest = (count: number) => (position: number) =>
      [0, ...Array.from({ length: count - 1 }, (_, i) => Math.floor(position / block) - i)].slice(0, count);
    for (const [source, layer] of [
      [0, 1],
      [1, 3],
      [2, 2],
    ] as const) {
      for (const at of [0, 1, 3]) {
        const { k, layers: found } = map.budgets[at]!;
        const wanted = byKeys(s, layer, map.positions, chosenBy(source, k / block));
        for (const name of ["mass", "withWindow", "rest"] as const) {
          near(found[layer]![name][source]!, wanted[name], `${source} for ${layer} at ${k}, ${name}`);
        }
        assert.ok(found[layer]!.best[source]! >= found[layer]!.mass[source]! - 1e-5);
        const others = byKeys(s, layer, map.positions, newest(k / block));
        near(found[layer]!.newest.withWindow, others.withWindow, `newest at ${k}`);
      }
      const error = await errorByKeys(s, layer, map.errorPositions, chosenBy(source, 2));
      nearError(map.errors[layer - 1]!.bySource[source]!, error, `error of ${source} for ${layer}`);
    }
    const error = await errorByKeys(s, 3, map.errorPositions, newest(2));
    nearError(map.errors[2]!.newest, error, "error of the newest");
    assert.equal(map.errors.length, layers - 1);
  });

  it("is drawn of a dense model, whose budget follows the document", async () => {
    const report = await reported({ model: asDense(model), variants: ["full"], oracleMap: "auto", maxTokens: 100 });
    assert.equal(mapOf(report).k, 8);
    assert.doesNotMatch(report.warnings.join(), /Oracle map/);
  });

  it("is refused where it means nothing, or the budget is none", async () => {
    const refused = (changes: Parameters<typeof request>[0], why: RegExp): Promise<void> =>
      assert.rejects(() => reported({ variants: ["full"], oracleMap: 16, ...changes }), why);
    await refused({ model: { ...model, origin: "synthetic" } }, /weights of .* are random.*oracleMap|--oracle-map/);
    await refused({ oracleMap: 13 }, /13 tokens are not whole blocks of 8: --oracle-map 16 is near/);
    const short = await reported({ variants: ["full"], oracleMap: 104 });
    assert.match(
      short.warnings.join(),
      /Oracle map skipped: the document has 100 tokens, and every block is chosen up to 104/,
    );
    const random = { ...model, origin: "synthetic" } as const;
    const left = await reported({ model: random, variants: ["full"], oracleMap: 16, checksIfPossible: true });
    assert.match(left.warnings.join(), /Oracle map skipped: the weights of/);
  });

  it("stops within a query", async () => {
    const stop = new AbortController();
    const changes = {
      variants: ["full"],
      oracleMap: 16,
      signal: stop.signal,
      onProgress: ({ phase }: { readonly phase: string }) => {
        if (phase === "oracle map") stop.abort(new Error("enough"));
      },
    } as const;
    await assert.rejects(() => reported(changes), /enough/);
  });
});
