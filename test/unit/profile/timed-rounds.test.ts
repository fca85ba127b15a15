import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RunOptions, Runner, Variant } from "../../../src/engine/engine.ts";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import { fitTogether } from "../../../src/profile/memory-check.ts";
import { exactly } from "../../../src/profile/rounds.ts";
import { timedRounds, type TimedRoundsOptions } from "../../../src/profile/timed-rounds.ts";
import { model, QuickEngine, reported, request } from "./tiny-profile.ts";

const PROMPT = Uint32Array.from({ length: 40 }, (_, i) => (7 * i) % 60);

/** A runner of the reference engine that tells what is asked of it. */
async function watched(variant: Variant, log: string[], name: string): Promise<Runner> {
  const runner = await new ReferenceEngine().load(model, variant);
  const note = (what: string): void => void log.push(`${name} ${what}`);
  const [prefill, decode] = [runner.prefill.bind(runner), runner.decode.bind(runner)];
  const reset = runner.reset.bind(runner);
  runner.prefill = (tokens, options?: RunOptions) => {
    note("prefill");
    return prefill(tokens, options);
  };
  runner.decode = (token, options?: RunOptions) => {
    note(`decode ${token} at ${runner.length}`);
    return decode(token, options);
  };
  runner.reset = () => {
    if (runner.length > 0) note("reset");
    reset();
  };
  return runner;
}

async function run(
  changes: Partial<TimedRoundsOptions<string>>,
): Promise<{ log: string[]; runs: Awaited<ReturnType<typeof timedRounds<string>>> }> {
  const log: string[] = [];
  const runners = new Map([
    ["a", await watched("hysparse", log, "a")],
    ["b", await watched("full", log, "b")],
  ]);
  const runs = await timedRounds({
    engine: {},
    runners,
    subject: "a",
    tokens: PROMPT,
    decodeTokens: 2,
    plans: { prefill: exactly(2), decode: exactly(3) },
    together: true,
    ...changes,
  });
  return { log, runs };
}

/** Runs in order, one letter each, of what `log` tells of `what`. */
const order = (log: readonly string[], what: string): string =>
  log.flatMap((line) => (line.includes(what) ? [line[0]] : [])).join("");

describe("timed rounds", () => {
  it("prefill in turn and then decode in turn, every batch of the same tokens at the same context", async () => {
    const { log, runs } = await run({});
    assert.equal(order(log, "prefill"), "abba");
    // One untimed step each, then three rounds of batches of two.
    assert.equal(order(log, "decode"), "ab" + "aabb" + "bbaa" + "aabb");
    for (const key of ["a", "b"]) {
      const steps = log.filter((line) => line.startsWith(`${key} decode`));
      const [first, second, third] = [steps[1], steps[2], steps[0]];
      assert.equal(first, third);
      assert.deepEqual(steps.slice(1), [first, second, first, second, first, second]);
      assert.match(first!, /at 40$/);
      assert.match(second!, /at 41$/);
    }
    for (const { prefills, decodes, kvBytes } of runs.values()) {
      assert.deepEqual([prefills.length, decodes.length, kvBytes.length], [2, 3, 4]);
      for (const { ms } of [...prefills, ...decodes]) assert.ok(ms > 0);
    }
    assert.equal(runs.get("a")!.selection!.oracles[0]!.length, 42, "the prompt and one batch");
    assert.equal(runs.get("b")!.selection, undefined);
  });

  it("may run the same variant twice under two names", async () => {
    const log: string[] = [];
    const runners = new Map([
      ["a", await watched("full", log, "a")],
      ["b", await watched("full", log, "b")],
    ]);
    const { runs } = await run({ runners });
    assert.deepEqual([...runs.keys()], ["a", "b"]);
  });

  it("decode right after each prefill where memory does not hold all contexts", async () => {
    const { log, runs } = await run({ together: false });
    assert.deepEqual(
      log.map((line) => line.replace(/ \d+ at/, " at")),
      ["a", "b", "b", "a"].flatMap((key) => [
        `${key} prefill`,
        `${key} decode at 40`,
        `${key} decode at 41`,
        `${key} reset`,
      ]),
    );
    for (const { prefills, decodes } of runs.values()) assert.deepEqual([prefills.length, decodes.length], [2, 2]);
    assert.equal(runs.get("a")!.selection!.oracles[0]!.length, 42);
  });

  it("decode nothing where nothing is asked for, and stop when cancelled", async () => {
    const { log, runs } = await run({ decodeTokens: 0 });
    assert.equal(order(log, "decode"), "");
    assert.deepEqual(runs.get("b")!.decodes, []);
    const stop = new AbortController();
    const reason = new Error("stopped");
    const rounds = run({
      signal: stop.signal,
      onRun: (phase) => {
        if (phase === "decode") stop.abort(reason);
      },
    });
    await assert.rejects(rounds, reason);
  });
});

describe("a profile of as many rounds as it takes", () => {
  it("has ratios that follow from its samples, round by round", async () => {
    const report = await reported({ repetitions: 3, decodeTokens: 2 });
    assert.equal(report.settings.repetitions, 3);
    assert.equal(report.settings.rounds, undefined);
    assert.deepEqual(
      report.ratios?.pairs.map(({ phase, subject, other, rounds }) => [phase, subject, other, rounds]),
      [
        ["prefill", "hysparse", "full", 3],
        ["decode", "hysparse", "full", 3],
      ],
    );
    const [prefill] = report.ratios.pairs;
    const [a, b] = [report.variants.hysparse!.totals.prefillSamples, report.variants.full!.totals.prefillSamples];
    const logs = a.map((time, i) => Math.log(time / b[i]!));
    assert.ok(Math.abs(Math.log(prefill!.ratio) - (logs[0]! + logs[1]! + logs[2]!) / 3) < 1e-12);
    assert.ok(prefill!.low < prefill!.ratio && prefill!.ratio < prefill!.high);
    assert.equal((await reported({ repetitions: 1 })).ratios, undefined);
  });

  it("says that it decided how many", async () => {
    const report = await reported({ repetitions: "auto", decodeTokens: 1, variants: ["full"] });
    assert.equal(report.settings.rounds, "auto");
    assert.ok(report.settings.repetitions >= 4);
    assert.ok(report.variants.full!.totals.timePerOutputTokenSamples!.length >= 12);
  });

  it("counts all contexts before it keeps them, and says when memory is too small for that", async () => {
    const asked = request({ decodeTokens: 4 });
    const each = asked.variants.map((variant) => asked.engine.estimateBytes(model, variant, 104));
    const sum = each[0]! + each[1]!;
    assert.equal(fitTogether(asked, 100, sum), true);
    assert.equal(fitTogether(asked, 100, sum - 1), false);
    class SmallEngine extends QuickEngine {
      override availableBytes(): number {
        return sum - 1;
      }
    }
    const small = await reported({ engine: new SmallEngine(), decodeTokens: 4, repetitions: 2 });
    assert.ok(
      small.warnings.some((warning) => /KV caches of all variants do not fit in memory together/.test(warning)),
    );
    assert.equal(small.variants.full!.totals.timePerOutputTokenSamples!.length, 2);
    const roomy = await reported({ decodeTokens: 4, repetitions: 2 });
    assert.ok(!roomy.warnings.some((warning) => /together/.test(warning)));
  });
});
