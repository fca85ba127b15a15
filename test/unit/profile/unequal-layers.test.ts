import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { reportSchema, type Report } from "../../../src/protocol/report.ts";
import { LARGEST_FACTOR, unequalLayers } from "../../../src/profile/unequal-layers.ts";
import { packageFile } from "../../../src/model/package-root.ts";
import { sampleReport } from "../report/sample-report.ts";

/** A report whose layers of equal work took exactly equal times, but for `slower`, by a factor in the attention of `full`. */
function even(slower: readonly number[] = [], factor = 1): Report["variants"] {
  const report = sampleReport({ variants: ["full", "hysparse"] });
  for (const [name, variant] of Object.entries(report.variants)) {
    for (const layer of variant.layers) {
      for (const phase of [layer.prefill, layer.decode]) {
        for (const [stage, time] of Object.entries(phase?.stages ?? {})) {
          const slow = name === "full" && stage === "attend" && slower.includes(layer.index) && phase === layer.prefill;
          const ms = slow ? 10 * factor : 10;
          Object.assign(time, { medianMs: ms * 1.1, minMs: ms, maxMs: ms * 5 });
          if (phase) phase.medianMs = 40;
        }
      }
    }
  }
  return report.variants;
}

describe("layers of equal work", () => {
  it("says nothing where they took about as long, however long their slowest rounds were", () => {
    assert.deepEqual(unequalLayers(even()), []);
    assert.deepEqual(unequalLayers(even([1, 2, 3], 0.99 * LARGEST_FACTOR)), []);
  });

  it("names the layers, the stage and the factor where they did not", () => {
    const [only, ...rest] = unequalLayers(even([1, 2, 3, 5, 9, 10], 4.5));
    assert.deepEqual(rest, []);
    assert.match(
      only ?? "",
      /^full, prefill: attend took 4\.5x as long in layers 1 to 3, 5, 9 and 10 as in layer 0, which does the same work \(45\.0 vs\. 10\.0 ms/,
    );
    assert.match(unequalLayers(even([7], 9))[0] ?? "", /9\.0x as long in layer 7 as in layer 0/);
  });

  it("compares only layers of equal work: an oracle and a layer that feeds nobody are two kinds", () => {
    const variants = even();
    const last = variants.hysparse?.layers.at(-1);
    assert.ok(last?.prefill.stages.attend, "the last layer has attention");
    last.prefill.stages.attend.minMs = 1;
    assert.deepEqual(unequalLayers(variants), []);
  });

  it("says nothing where it changes little", () => {
    const variants = even();
    for (const layer of variants.full?.layers ?? []) {
      const output = layer.prefill.stages.output;
      if (output) Object.assign(output, { medianMs: 1, minMs: layer.index % 2 === 0 ? 1 : 0.1 });
    }
    assert.deepEqual(unequalLayers(variants), []);
  });

  it("finds nothing in the sample profile", () => {
    const text = readFileSync(packageFile("media/samples/design-note.hysparse.json"), "utf8");
    assert.deepEqual(unequalLayers(reportSchema.parse(JSON.parse(text)).variants), []);
  });
});
