import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { estimateOf } from "../../../src/profile/estimate.ts";
import { profile } from "../../../src/profile/profile.ts";
import { inconsistencies } from "../../../src/profile/report-consistency.ts";
import { Work } from "../../../src/profile/work.ts";
import type { SoFar } from "../../../src/protocol/jobs.ts";
import { reportSchema, type Report } from "../../../src/protocol/report.ts";
import { keptReport, news, partialNote } from "../../../src/report/partial.ts";
import { Joined } from "../../../src/runtime/joined.ts";
import { request } from "./tiny-profile.ts";

describe("results as they come", () => {
  const told: SoFar[] = [];
  let complete: Report;

  async function run(): Promise<void> {
    const joined = new Joined();
    complete = await profile(
      request({
        decodeTokens: 2,
        repetitions: 2,
        sweep: [40],
        onPartial: (found) => void told.push(joined.add(found)!),
      }),
    );
  }

  it("are a report at every step, with the document first, then the selection, then figures by rounds", async () => {
    await run();
    const steps = told.map(({ report }) => [
      report.selection !== undefined,
      Object.keys(report.variants).length,
      report.partial?.missing.join(" "),
    ]);
    assert.deepEqual(steps.slice(0, 3), [
      [false, 0, "selection prefill decode peak sweep"],
      [true, 0, "prefill decode peak sweep"],
      [true, 2, "prefill decode peak sweep"],
    ]);
    assert.equal(steps.at(-1)?.[2], "sweep", "the complete one is the result");
    for (const { report } of told) {
      reportSchema.parse(report);
      assert.deepEqual(inconsistencies(report), []);
    }
    assert.equal(complete.partial, undefined);
    assert.ok(complete.sweep);
  });

  it("claim nothing that was not measured", () => {
    const first = told[2]!.report;
    const { layers, totals } = first.variants.hysparse!;
    assert.equal(totals.prefillSamples.length, 1);
    assert.deepEqual(
      [totals.peakBytes, totals.timePerOutputTokenMs, layers[0]!.decode],
      [undefined, undefined, undefined],
    );
    assert.equal(first.ratios, undefined, "one round has no interval");
    // The floor of what is read through the selection follows from the blocks that were selected.
    const sparse = complete.variants.hysparse!.layers[1]!.prefill.stages.sparse!;
    assert.equal(layers[1]!.prefill.stages.sparse!.flops, sparse.flops);
  });

  it("keep what did not change as it was, so that highlights are not drawn anew", () => {
    const [before, after] = [told[1]!.report, told[2]!.report];
    assert.ok(before.importance);
    assert.equal(after.importance, before.importance);
  });

  it("are kept by a stop once there is something, and say what is missing", () => {
    assert.equal(keptReport(told[0]!.report), undefined);
    const kept = keptReport(told[2]!.report)!;
    assert.equal(kept.partial?.state, "stopped");
    assert.equal(
      partialNote(kept),
      "Partial report, saved before the run was complete. Not measured: more rounds of prefill, decode times, peak memory, " +
        "other context lengths.",
    );
    assert.equal(partialNote(complete), undefined);
  });

  it("are told a line each, once", () => {
    const lines = told.flatMap((soFar, i) => news(told[i - 1], soFar));
    assert.match(lines[0]!, /^a\.txt: 100 tokens, /);
    assert.match(lines[1]!, /^most attended passages \(last token\): /);
    assert.match(lines[2]!, /^Prefill after 1 round: HySparse [\d.]+ m?s, /);
    assert.equal(new Set(lines).size, lines.length);
  });

  it("cost nothing where nobody listens", async () => {
    const phases: string[] = [];
    await profile(request({ onProgress: ({ phase }) => phases.push(phase) }));
    assert.ok(!phases.includes("first tokens"));
  });
});

describe("the estimate", () => {
  it("grows with the square of the length where attention does, and in proportion elsewhere", () => {
    const asked = request({ variants: ["full"], repetitions: 1, warmup: 0 });
    const stages = (attend: number, mlp: number): ReadonlyMap<"attend" | "mlp" | "project" | "output", number>[] =>
      Array.from(
        { length: 4 },
        () =>
          new Map([
            ["attend", attend],
            ["mlp", mlp],
            ["project", 0],
            ["output", 0],
          ] as const),
      );
    const pace = (attend: number, mlp: number): Work =>
      new Work(asked, { tokens: 100, runs: new Map([["full", { prefillStages: stages(attend, mlp) }]]) });
    assert.ok(Math.abs(pace(0, 1).prefill("full", 1000) - 4 * 10) < 1e-9);
    const squared = pace(1, 0).prefill("full", 1000) / 4;
    assert.ok(squared > 98 && squared < 101, `${squared}`);
    assert.ok(Math.abs(pace(1, 1).prefill("full", 100) - 8) < 1e-9, "of what was run, what it took");
  });

  it("offers a shorter run only where the whole takes more than a minute and less of it does not", () => {
    assert.deepEqual(
      estimateOf(16_000, (n) => n),
      { ms: 16_000 },
    );
    assert.deepEqual(
      estimateOf(100_000, (n) => 5 * n),
      { ms: 500_000, shorter: { tokens: 8000, ms: 40_000 } },
    );
    assert.deepEqual(
      estimateOf(100_000, () => 500_000),
      { ms: 500_000 },
    );
  });
});
