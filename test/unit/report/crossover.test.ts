import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Report } from "../../../src/protocol/report.ts";
import { crossovers, type Crossover } from "../../../src/report/crossover.ts";
import { finding } from "../../../src/report/finding.ts";
import { sampleReport } from "./sample-report.ts";
import { slowed, withSweep } from "./sample-sweep.ts";

const LENGTHS = [1024, 2048, 4096, 8192, 16384];

function against(report: Report, rival: Crossover["rival"], phase: Crossover["phase"]): Crossover {
  const found = crossovers(report).find((crossover) => crossover.rival === rival && crossover.phase === phase);
  assert.ok(found);
  return found;
}

describe("where HySparse becomes faster", () => {
  const report = withSweep(sampleReport(), LENGTHS);

  it("lies between two lengths, estimated where the logarithms of the medians cross", () => {
    const { kind, between, tokens, lengths, where, text } = against(report, "full", "prefill");
    assert.equal(kind, "between");
    assert.deepEqual(between, [4096, 8192]);
    assert.deepEqual(lengths, LENGTHS);
    // ln(own / rival) is ln 1.19 at 4,096 and ln 0.846 at 8,192: 0.51 of the way in ln length.
    const [a, b] = [Math.log(2 / (1 + 4096 / 6000)), Math.log(2 / (1 + 8192 / 6000))];
    assert.ok(Math.abs(tokens! - 4096 * 2 ** (a / (a - b))) < 1e-6);
    assert.ok(Math.abs(tokens! - 5810) < 100, String(tokens));
    assert.equal(where, "from about 5,800 tokens on (it crosses between 4,096 and 8,192)");
    assert.equal(
      text,
      "Below about 5,800 tokens the prefill of full attention is faster, above it that of HySparse " +
        "(it crosses between 4,096 and 8,192).",
    );
  });

  it("may be everywhere or nowhere", () => {
    const everywhere = against(report, "full", "decode");
    assert.equal(everywhere.kind, "everywhere");
    assert.equal(
      everywhere.text,
      "HySparse's decoding is faster than that of full attention at every length measured (1,024 to 16,384 tokens).",
    );
    assert.equal(against(report, "hybrid-swa", "prefill").kind, "nowhere");
    const same = against(report, "hybrid-swa", "decode");
    assert.equal(same.kind, "nowhere", "equal times are no gain");
    assert.match(same.where, /^at no length measured \(1,024 to 16,384 tokens\)$/);
    assert.equal(against(withSweep(sampleReport(), [1024, 2048]), "full", "prefill").kind, "nowhere");
  });

  it("widens over lengths where no difference was measured", () => {
    // At 8,192 HySparse is raised to just under full attention: their ranges overlap.
    const blurred = slowed(report, 8192, "hysparse", 1.17);
    const { kind, between, tokens } = against(blurred, "full", "prefill");
    assert.equal(kind, "between");
    assert.deepEqual(between, [4096, 16384]);
    assert.ok(tokens! > 4096 && tokens! < 8192, "the medians still cross before 8,192");
  });

  it("says so where no difference was measured below", () => {
    const short = withSweep(sampleReport(), [8192, 16384]);
    const { kind, between, tokens, text } = against(slowed(short, 8192, "hysparse", 1.17), "full", "prefill");
    assert.equal(kind, "from");
    assert.deepEqual(between, [8192, 16384]);
    assert.equal(tokens, undefined);
    assert.match(text, /from 16,384 tokens on \(no difference was measured up to 8,192\)\.$/);
  });

  it("is not smoothed where it changes back", () => {
    const { kind, where } = against(slowed(report, 16384, "hysparse", 3), "full", "prefill");
    assert.equal(kind, "mixed");
    assert.equal(where, "only at 8,192 tokens, of 5 lengths from 1,024 to 16,384");
  });

  it("cannot be said when each length was measured once, nor from one length", () => {
    const once = against(withSweep(sampleReport({ repetitions: 1 }), LENGTHS, 1), "full", "prefill");
    assert.equal(once.kind, "unknown");
    assert.match(once.text, /cannot be said: each length was measured once/);
    assert.deepEqual(crossovers(withSweep(sampleReport(), [1024])), []);
    assert.deepEqual(crossovers(sampleReport()), []);
    assert.deepEqual(crossovers(withSweep(sampleReport({ variants: ["full"] }), LENGTHS)), []);
  });

  it("leaves skipped lengths out", () => {
    const changed = structuredClone(report);
    changed.sweep!.points[3] = { tokens: 8192, repeated: true, variants: {}, skipped: "no memory" };
    const { between, lengths } = against(changed, "full", "prefill");
    assert.deepEqual(between, [4096, 16384]);
    assert.deepEqual(lengths, [1024, 2048, 4096, 16384]);
  });

  it("is estimated inside the lengths that it lies between, however close they are", () => {
    const close = against(withSweep(sampleReport(), [5990, 6010]), "full", "prefill");
    assert.equal(close.kind, "nowhere", "2 % of spread cannot tell these apart");
    const apart = withSweep(sampleReport(), [5400, 6800]);
    assert.match(against(apart, "full", "prefill").text, /^Below about 6,000 tokens/);
  });

  it("is part of the finding, beside the variant that it is about", () => {
    const [full, swa] = finding(report);
    assert.ok(full?.includes(against(report, "full", "prefill").text));
    assert.ok(full?.includes(against(report, "full", "decode").text));
    assert.ok(swa?.includes("sliding-window attention at no length measured"), swa);
    assert.ok(
      !finding(withSweep(sampleReport({ repetitions: 1 }), LENGTHS, 1))
        .join(" ")
        .includes("cannot be said"),
    );
  });
});
