import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BETWEEN_PROCESSES } from "../../../src/profile/known-spread.ts";
import type { Report } from "../../../src/protocol/report.ts";
import { compareReports, type ComparisonRow, type Quantity } from "../../../src/report/compare.ts";
import { comparisonTable, differencesTable } from "../../../src/report/comparison-table.ts";
import { withChecks } from "./sample-checks.ts";
import { sampleReport } from "./sample-report.ts";

/** A report like `report` with every prefill time of hysparse multiplied. */
function withPrefill(report: Report, factor: number): Report {
  const changed = structuredClone(report);
  const { totals } = changed.variants.hysparse!;
  totals.prefillMs *= factor;
  totals.prefillMinMs *= factor;
  totals.prefillMaxMs *= factor;
  totals.prefillSamples = totals.prefillSamples.map((sample) => sample * factor);
  return changed;
}

function row(rows: readonly ComparisonRow[], quantity: Quantity): ComparisonRow {
  const found = rows.find((candidate) => candidate.variant === "hysparse" && candidate.quantity === quantity);
  assert.ok(found);
  return found;
}

const NOTHING = /^No significant difference in HySparse: at most \d+ % \(prefill\), \d+ % \(decode\)\.$/;

describe("comparing reports", () => {
  const base = sampleReport();

  it("names a CPU quota that one of them ran under", () => {
    const limited = structuredClone(base);
    limited.environment.container = { cpus: 0.5 };
    const difference = { what: "CPU quota", affects: "times", baseline: "none", report: "0.5 cores" };
    assert.deepEqual(compareReports(base, limited).differences, [difference]);
  });

  it("measures no difference between a report and itself", () => {
    const comparison = compareReports(base, base);
    assert.equal(comparison.comparable, true);
    assert.deepEqual(comparison.differences, []);
    assert.match(comparison.headline, NOTHING);
    assert.equal(comparison.rows.length, 12);
    for (const { quantity, ratio, verdict, reason } of comparison.rows) {
      assert.ok(Math.abs(ratio! - 1) < 1e-12);
      const bytes = quantity === "kv" || quantity === "peak";
      assert.equal(verdict, bytes ? "same" : "no significant difference");
      assert.match(reason ?? "", bytes ? /^$/ : /^no significant difference \(at most \d+ %\)$/);
    }
  });

  it("names checks of the selection that only one has, which change no time", () => {
    const { differences, headline } = compareReports(base, withChecks(base));
    assert.deepEqual(differences, [
      { what: "selection checks", baseline: "none", report: "fidelity, swaps", affects: "none" },
    ]);
    assert.match(headline, NOTHING);
  });

  it("says faster and slower only where the interval excludes 1", () => {
    const faster = compareReports(base, withPrefill(base, 0.5));
    const { verdict, ratio, interval } = row(faster.rows, "prefill");
    assert.equal(verdict, "faster");
    assert.ok(Math.abs(ratio! - 0.5) < 1e-12 && interval!.low < 0.5 && interval!.high > 0.5);
    assert.match(
      faster.headline,
      /^HySparse prefills 2\.00x faster \(95 % CI 1\.\d\dx to 2\.\d\dx\) than in the baseline\.$/,
    );
    const slower = compareReports(base, withPrefill(base, 1.5));
    assert.equal(row(slower.rows, "prefill").verdict, "slower");
    assert.match(
      slower.headline,
      /^HySparse prefills 1\.50x slower \(95 % CI 1\.\d\dx to 1\.\d\dx\) than in the baseline\.$/,
    );
  });

  it("claims nothing that processes differ by, though the ranges lie apart", () => {
    const { prefillMinMs, prefillMaxMs } = base.variants.hysparse!.totals;
    const apart = (1.01 * prefillMaxMs) / prefillMinMs;
    assert.ok(apart < 1 + 2 * BETWEEN_PROCESSES.prefill);
    const { rows } = compareReports(base, withPrefill(base, apart));
    assert.equal(row(rows, "prefill").verdict, "no significant difference");
    assert.match(row(rows, "prefill").reason ?? "", /^no significant difference \(at most \d+ %\)$/);
  });

  it("claims nothing of times that were measured once", () => {
    const once = sampleReport({ repetitions: 1 });
    const comparison = compareReports(base, withPrefill(once, 0.2));
    const { verdict, reason } = row(comparison.rows, "prefill");
    assert.equal(verdict, "no significant difference");
    assert.match(reason ?? "", /once/);
    assert.match(comparison.headline, /^No significant difference: times were measured once/);
    assert.match(comparison.headline, /different: repetitions\.$/);
  });

  it("counts KV bytes, and peaks only where an allocator counted them", () => {
    const other = structuredClone(base);
    other.variants.hysparse!.totals.kvBytes /= 2;
    other.variants.hysparse!.totals.peakBytes! += 1;
    const cpu = compareReports(base, other);
    assert.equal(row(cpu.rows, "kv").verdict, "less");
    assert.equal(row(cpu.rows, "peak").verdict, "no significant difference");
    assert.equal(cpu.headline, "HySparse uses 50 % less KV memory than in the baseline.");
    const gpu = { backend: "vulkan", driver: "x", arithmetic: "y", software: false, subgroupSize: 32 };
    const on = (report: Report): Report => ({ ...report, environment: { ...report.environment, gpu } });
    assert.equal(row(compareReports(on(base), on(other)).rows, "peak").verdict, "more");
  });

  it("is refused for other work, naming what it is", () => {
    const cases: readonly (readonly [RegExp, (report: Report) => void])[] = [
      [/document differs/, (report) => (report.document.sha256 = "0".repeat(64))],
      [/tokens differ/, (report) => (report.document.tokens -= 1)],
      [/model differs/, (report) => (report.model.sha256 = "ab12")],
      [/architecture differs/, (report) => (report.model.architecture.window = 64)],
      [/no variant in common/, (report) => (report.variants = {})],
    ];
    for (const [message, change] of cases) {
      const other = structuredClone(base);
      change(other);
      const comparison = compareReports(base, other);
      assert.equal(comparison.comparable, false);
      assert.match(comparison.headline, message);
      assert.match(comparison.obstacles.join(), message);
      assert.ok(comparison.rows.every(({ verdict }) => verdict === "not comparable"));
    }
    const other = structuredClone(base);
    other.model.architecture.window = 64;
    assert.deepEqual(differencesTable(compareReports(base, other)).rows, [
      ["architecture", "window 128", "window 64", "different work"],
    ]);
  });

  it("goes across devices, engines and settings, and says so", () => {
    const other = withPrefill(base, 0.1);
    other.environment.device = "Another CPU";
    other.environment.engine = "webgpu";
    other.environment.dtype = "float16";
    other.settings.chunk = 512;
    other.settings.importance = "document";
    const { comparable, headline, differences } = compareReports(base, other);
    assert.equal(comparable, true);
    assert.match(
      headline,
      /^HySparse prefills 10\.0x faster \(.*\) than in the baseline; different: engine, device, number type, queries per chunk\.$/,
    );
    assert.deepEqual(
      differences.map(({ what, affects }) => `${what} ${affects}`),
      ["engine times", "device times", "number type times", "queries per chunk times", "importance none"],
    );
  });

  it("takes a last layer that is said to be full for one of which nothing is said", () => {
    const other = structuredClone(base);
    other.model.architecture.lastFull = true;
    assert.deepEqual(compareReports(base, other).differences, []);
  });

  it("does not mind another name of the same document", () => {
    const other = structuredClone(base);
    other.document.name = "renamed.md";
    assert.deepEqual(compareReports(base, other).differences, []);
  });

  it("compares the variants and phases that both have", () => {
    const other = sampleReport({ variants: ["full"], decodeTokens: 0 });
    const { rows, headline } = compareReports(base, other);
    assert.deepEqual(
      rows.map(({ variant, quantity }) => `${variant} ${quantity}`),
      ["full prefill", "full kv", "full peak"],
    );
    assert.match(headline, /different: decoded tokens, variants\.$/);
  });

  it("has a table with every figure", () => {
    const table = comparisonTable(compareReports(base, withPrefill(base, 0.5)));
    assert.equal(table.rows.length, 12);
    for (const cells of table.rows) assert.equal(cells.length, table.columns.length);
    const [first] = table.rows;
    assert.equal(first?.[0], "HySparse");
    assert.equal(first[6], "0.500");
    assert.match(first[7] ?? "", /^0\.3\d\d - 0\.6\d\d$/);
    assert.equal(first[8], "faster");
    assert.match(first[3] ?? "", / - /);
  });
});
