import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as format from "../../../src/text/format.ts";

/** Each case: what goes in, what a reader sees. */
function cases<T>(what: (value: T) => string, table: readonly (readonly [T, string])[]): void {
  for (const [value, text] of table) assert.equal(what(value), text, String(value));
}

describe("format", () => {
  it("keeps three significant digits, also across a power of ten", () => {
    cases(format.significant, [
      [0, "0"],
      [0.012345, "0.0123"],
      [1.2345, "1.23"],
      [9.996, "10.0"],
      [12.345, "12.3"],
      [999.6, "1,000"],
      [123456, "123,000"],
      [Number.NaN, "unknown"],
    ]);
  });

  it("writes bytes in binary units, exact ones without decimals", () => {
    cases(format.bytes, [
      [0, "0 B"],
      [512, "512 B"],
      [1023, "1,023 B"],
      [1024, "1 KiB"],
      [131072, "128 KiB"],
      [4_081_664, "3.89 MiB"],
      [2 ** 30, "1 GiB"],
      [5 * 2 ** 40, "5 TiB"],
    ]);
  });

  it("writes durations in the unit that suits them", () => {
    cases(format.duration, [
      [0, "0 ms"],
      [0.0123, "0.0123 ms"],
      [12.34, "12.3 ms"],
      [999.4, "999 ms"],
      [999.6, "1.00 s"],
      [12_340, "12.3 s"],
      [59_990, "1 min 0 s"],
      [125_000, "2 min 5 s"],
    ]);
  });

  it("writes what is left in whole seconds", () => {
    cases(format.remaining, [
      [3, "1 s"],
      [41_600, "42 s"],
      [125_400, "2 min 5 s"],
    ]);
  });

  it("writes milliseconds for a column", () => {
    cases(format.milliseconds, [
      [0, "0.00"],
      [0.004, "0.004"],
      [0.56, "0.56"],
      [12.34, "12.3"],
      [99.96, "100.0"],
      [1234.5, "1,235"],
    ]);
  });

  it("never writes a ratio as 1.0 when it is not 1", () => {
    cases(format.ratio, [
      [1.02, "1.02"],
      [1.2, "1.2"],
      [3.44, "3.4"],
      [9.97, "10"],
      [123.4, "123"],
    ]);
  });

  it("writes shares, scores, rates and counts", () => {
    cases(format.percent, [
      [0, "0 %"],
      [1e-9, "< 0.1 %"],
      [0.004, "0.4 %"],
      [0.42, "42 %"],
      [1, "100 %"],
    ]);
    cases(format.sentence, [
      ["one run of each", "One run of each."],
      ["Said.", "Said."],
    ]);
    cases(format.score, [
      [0, "0.0000"],
      [0.00001, "< 0.0001"],
      [0.03125, "0.0313"],
    ]);
    cases(format.matrixRate, [
      [141.3, "141 GFLOP/s"],
      [765_000, "765 TFLOP/s"],
    ]);
    cases(format.parameters, [
      [24_600_000, "24.6 M"],
      [7_100_000_000, "7.10 B"],
    ]);
    assert.equal(format.plural(1, "token"), "1 token");
    assert.equal(format.plural(3986, "token"), "3,986 tokens");
    assert.equal(format.lines(12, 12), "line 12");
    assert.equal(format.lines(12, 1500), "lines 12-1,500");
    assert.equal(format.timestamp("2026-11-22T01:05:09.000Z"), "2026-11-22 01:05 UTC");
  });
});
