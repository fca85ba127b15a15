import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { growthOf } from "../../../src/report/growth.ts";
import { sampleReport } from "./sample-report.ts";
import { withSweep } from "./sample-sweep.ts";

/** 2 Hkv d b of one layer of the embedded shape in float32. */
const LAYER = 2 * 2 * 64 * 4;

describe("growth of KV memory", () => {
  it("follows the formula of the layers that keep every token, and says so", () => {
    const { rows, note } = growthOf(sampleReport());
    assert.deepEqual(
      rows.map(({ variant, bytesPerThousand, basis }) => [variant, bytesPerThousand, basis]),
      [
        ["hysparse", 4 * LAYER * 1000, "formula"],
        ["full", 13 * LAYER * 1000, "formula"],
        ["hybrid-swa", 4 * LAYER * 1000, "formula"],
      ],
    );
    assert.match(note, /^Growth: by formula/);
  });

  it("is what a sweep saw allocated, where there is one", () => {
    const report = withSweep(sampleReport(), [64, 1024, 4096]);
    report.sweep!.points[2]!.variants.full!.kvBytes += 3072;
    const { rows, note } = growthOf(report);
    const full = rows.find(({ variant }) => variant === "full")!;
    assert.equal(full.basis, "measured");
    // 64 tokens do not fill the window of 128, so the growth is taken from 1,024 on.
    assert.ok(Math.abs(full.bytesPerThousand - (13 * LAYER + 1) * 1000) < 1e-6);
    assert.match(note, /^Growth: allocated/);
  });

  it("fills physical memory where there is no GPU, everything but the KV cache as it was", () => {
    const report = sampleReport();
    const { memoryBytes } = report.environment;
    const { rows, note } = growthOf(report);
    for (const { variant, fullTokens } of rows) {
      const { peakBytes } = report.variants[variant]!.totals;
      const perToken = (variant === "full" ? 13 : 4) * LAYER;
      assert.equal(fullTokens, Math.floor(3986 + (memoryBytes - peakBytes!) / perToken));
    }
    assert.deepEqual(
      rows.map(({ fullAt }) => fullAt),
      ["about 6,200,000 tokens", "about 1,900,000 tokens", "about 6,200,000 tokens"],
    );
    assert.match(note, /24 GiB of RAM\. An upper bound.*are not\. The maximum context of .* is 32,768 tokens\.$/);
  });

  it("fills what a container may use, where that is less", () => {
    const report = sampleReport();
    report.environment.container = { memoryBytes: 2 ** 31 };
    report.environment.memoryBytes = 2 ** 31;
    assert.match(growthOf(report).note, /2 GiB of container memory/);
    report.environment.memoryBytes = 2 ** 30;
    assert.match(growthOf(report).note, /1 GiB of RAM/, "a limit beyond the machine's memory limits nothing");
  });

  it("fills the device memory that was free on a GPU, and is unknown where nobody tells", () => {
    const report = sampleReport();
    const gpu = { backend: "vulkan", driver: "x", arithmetic: "y", software: false, subgroupSize: 32 };
    report.environment.gpu = { ...gpu, freeBytes: 2 ** 30 };
    const known = growthOf(report);
    const { peakBytes } = report.variants.full!.totals;
    assert.equal(known.rows[1]?.fullTokens, Math.floor(3986 + (2 ** 30 - peakBytes!) / (13 * LAYER)));
    assert.match(known.note, /1 GiB of free GPU memory/);
    report.environment.gpu = gpu;
    const unknown = growthOf(report);
    assert.ok(unknown.rows.every(({ fullTokens, fullAt }) => fullTokens === undefined && fullAt === undefined));
    assert.match(unknown.note, /GPU does not report its free memory/);
  });

  it("is nothing under a design that keeps no more, and fills nothing", () => {
    const { rows } = growthOf(sampleReport({ variants: ["full", "streaming"] }));
    assert.deepEqual(
      rows.map(({ bytesPerThousand, fullAt }) => [bytesPerThousand, fullAt === "never"]),
      [
        [13 * LAYER * 1000, false],
        [0, true],
      ],
    );
  });

  it("is never negative, even on a device that is smaller than the run", () => {
    const report = sampleReport();
    report.environment.memoryBytes = 1;
    assert.ok(growthOf(report).rows.every(({ fullTokens }) => fullTokens === 0));
  });
});
