import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PhaseReport, StageReport } from "../../../src/protocol/report.ts";
import { cumulativeKv, floorOf, selectingHeads, slices, stageTotals } from "../../../src/report/breakdown.ts";
import { sampleReport } from "./sample-report.ts";

function stage(ms: number, floorMs: number): StageReport {
  return { medianMs: ms, minMs: ms, maxMs: ms, samples: [ms], flops: 0, bytes: 0, floorMs };
}

function phase(stages: PhaseReport["stages"]): PhaseReport {
  return { medianMs: 0, minMs: 0, maxMs: 0, samples: [], stages };
}

describe("breakdown of a layer's time", () => {
  it("does not count the parts of attend twice", () => {
    const parts = slices(phase({ attend: stage(10, 6), sparse: stage(7, 4), window: stage(2, 2), mlp: stage(5, 3) }));
    assert.deepEqual(parts, {
      attend: { ms: 1, floorMs: 0 },
      sparse: { ms: 7, floorMs: 4 },
      window: { ms: 2, floorMs: 2 },
      mlp: { ms: 5, floorMs: 3 },
    });
  });

  it("keeps attend whole where it has no parts, and never makes it negative", () => {
    assert.deepEqual(slices(phase({ attend: stage(10, 6) })), { attend: { ms: 10, floorMs: 6 } });
    assert.deepEqual(slices(phase({ attend: stage(6.9, 4), sparse: stage(7, 4) })), { sparse: { ms: 7, floorMs: 4 } });
  });

  it("sums floors and stages", () => {
    assert.equal(floorOf(phase({ project: stage(2, 1), attend: stage(10, 6), score: stage(9, 6) })), 7);
    const report = sampleReport();
    const sum = report.variants.full!.layers.reduce((total, layer) => total + layer.prefill.stages.mlp!.medianMs, 0);
    assert.equal(stageTotals(report.variants.full!, "prefill").mlp!.ms, sum);
  });

  it("adds KV bytes up to the total", () => {
    const { layers, totals } = sampleReport().variants.hysparse!;
    const sums = cumulativeKv({ layers, totals });
    assert.equal(sums.length, 13);
    assert.equal(sums.at(-1), totals.kvBytes);
  });

  it("counts the heads that choose: three feeding oracles of two", () => {
    assert.equal(selectingHeads(sampleReport()), 6);
  });
});
