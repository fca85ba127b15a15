import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Report } from "../../../src/protocol/report.ts";
import { finding } from "../../../src/report/finding.ts";
import { sampleReport } from "./sample-report.ts";

/** A two-variant report whose totals are these. */
function compared(hysparse: Partial<Report["variants"]["full"] & object>["totals"] | object, full: object): Report {
  const report = sampleReport({ variants: ["hysparse", "full"], decodeTokens: 0 });
  Object.assign(report.variants.hysparse!.totals, hysparse);
  Object.assign(report.variants.full!.totals, full);
  return report;
}

function prefill(...samples: number[]): object {
  const sorted = [...samples].sort((a, b) => a - b);
  return {
    prefillMs: sorted[Math.floor(sorted.length / 2)],
    prefillMinMs: sorted[0],
    prefillMaxMs: sorted.at(-1),
    prefillSamples: samples,
  };
}

describe("finding", () => {
  it("says how many times less memory and time", () => {
    const [sentence] = finding(
      compared(
        { ...prefill(8000, 8100, 8200), kvBytes: 10 * 2 ** 20 },
        { ...prefill(9600, 9700, 9900), kvBytes: 34 * 2 ** 20 },
      ),
    );
    assert.equal(
      sentence,
      "HySparse needs 3.4 times less KV memory than full attention on this document (10 MiB against 34 MiB). " +
        "Its prefill takes 1.2 times less time (8.10 s against 9.70 s).",
    );
  });

  it("claims no difference where the samples overlap, not even at one point", () => {
    const [sentence] = finding(compared(prefill(8000, 8100, 9600), prefill(9600, 9700, 9900)));
    assert.match(sentence!, /No difference in prefill time was measured: the samples overlap/);
  });

  it("says plainly when HySparse is slower", () => {
    const [sentence] = finding(compared(prefill(990, 1000, 1010), prefill(490, 500, 510)));
    assert.match(sentence!, /Its prefill is slower, 2\.0 times as long \(1\.00 s against 500 ms\)\./);
  });

  it("does not call equal memory a saving, nor less of it", () => {
    const [same] = finding(compared({ kvBytes: 4096 }, { kvBytes: 4096 }));
    assert.match(same!, /needs the same KV memory as full attention on this document \(4 KiB\)/);
    const [more] = finding(compared({ kvBytes: 8192 }, { kvBytes: 4096 }));
    assert.match(more!, /needs 2\.0 times more KV memory than full attention/);
  });

  it("says when the document is too short for anything to be sparse", () => {
    assert.match(finding(sampleReport({ tokens: 640 }))[0]!, /^Nothing is sparse here: the 512 selected tokens/);
    assert.doesNotMatch(finding(sampleReport({ tokens: 641 }))[0]!, /Nothing is sparse/);
    assert.doesNotMatch(finding(sampleReport({ tokens: 640, variants: ["full"] }))[0]!, /Nothing is sparse/);
  });

  it("says when the spread is unknown", () => {
    assert.match(finding(sampleReport({ repetitions: 1 })).at(-1)!, /measured only once/);
    assert.doesNotMatch(finding(sampleReport()).join(), /measured only once/);
  });

  it("compares with every other variant, and with none when there is none", () => {
    assert.equal(finding(sampleReport()).length, 2);
    assert.match(finding(sampleReport())[1]!, /hybrid sliding-window attention/);
    assert.match(finding(sampleReport({ variants: ["full"] }))[0]!, /^Full attention needs .* No other variant/);
    assert.match(
      finding(sampleReport({ variants: ["full", "hybrid-swa"] }))[0]!,
      /^Hybrid sliding-window attention needs/,
    );
  });

  it("speaks of decoding only when something was decoded", () => {
    assert.match(finding(sampleReport())[0]!, /decod/);
    assert.doesNotMatch(finding(sampleReport({ decodeTokens: 0 }))[0]!, /decod/);
  });
});
