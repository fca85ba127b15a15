import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BETWEEN_PROCESSES, BETWEEN_RUNNERS } from "../../../src/profile/known-spread.ts";
import { studentT } from "../../../src/profile/student-t.ts";
import { excludesOne, independentRatio, pairedRatio } from "../../../src/profile/time-ratio.ts";

function near(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

describe("Student's t", () => {
  it("is that of printed tables, from one degree of freedom on", () => {
    for (const [freedom, at95, at98] of [
      [1, 12.7062, 31.8205],
      [2, 4.3027, 6.9646],
      [3, 3.1824, 4.5407],
      [7, 2.3646, 2.998],
      [10, 2.2281, 2.7638],
      [30, 2.0423, 2.4573],
      [120, 1.9799, 2.3578],
      [5000, 1.9604, 2.3271],
    ] as const) {
      near(studentT(freedom), at95, 1e-3 * at95);
      near(studentT(freedom, 0.98), at98, 1e-3 * at98);
    }
  });

  it("takes fractions, which lie between their neighbours", () => {
    assert.ok(studentT(3.5) < studentT(3) && studentT(3.5) > studentT(4));
  });
});

describe("the ratio of paired rounds", () => {
  const b = [100, 104, 97, 101, 99, 130, 102, 96];
  const noise = [0.01, -0.02, 0, 0.015, -0.01, 0.005, -0.005, 0.005];
  const a = b.map((time, i) => 1.17 * time * Math.exp(noise[i]!));

  it("does not see what hits both runs of a round", () => {
    const { ratio, low, high, width } = pairedRatio(a, b, "decode")!;
    near(ratio, 1.17, 0.005);
    assert.ok(width < 0.04, `${width}`);
    // Hardly wider than what processes differ by.
    const reach = Math.log(high / low) / 2;
    assert.ok(reach > 2.326 * BETWEEN_RUNNERS.decode && reach < 2.4 * BETWEEN_RUNNERS.decode, `${low} to ${high}`);
  });

  it("is that of trimmed log ratios with Tukey and McLaughlin's interval, worked out by hand", () => {
    // Eight rounds lose one at either end. Kept: -0.01, -0.005, 0, 0.005, 0.005, 0.01; winsorized: -0.01 and 0.01 twice.
    const { ratio, width, error } = pairedRatio(
      a.map((time) => time / 1.17),
      b,
      "decode",
    )!;
    const mean = 0.005 / 6;
    near(Math.log(ratio), mean, 1e-12);
    const values = [-0.01, -0.01, -0.005, 0, 0.005, 0.005, 0.01, 0.01];
    const middle = 0.005 / 8;
    const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
    near(error, Math.sqrt(squares / (6 * 5)), 1e-12);
    const reach = 3.36493 * error;
    near(width, Math.exp(mean + reach) - Math.exp(mean - reach), 1e-5);
  });

  it("is neither made nor hidden by a single round that a busy machine spoiled", () => {
    const same = b.map((time, i) => time * Math.exp(noise[i]!));
    const slower = same.map((time) => 1.3 * time);
    for (const factor of [0.05, 0.5, 3, 40]) {
      for (let spoiled = 0; spoiled < b.length; spoiled++) {
        const spoil = (times: readonly number[]): number[] =>
          times.map((time, i) => (i === spoiled ? time * factor : time));
        assert.ok(!excludesOne(pairedRatio(spoil(same), b, "decode")!), `made by round ${spoiled}, ${factor}`);
        assert.ok(excludesOne(pairedRatio(spoil(slower), b, "decode")!), `hidden by round ${spoiled}, ${factor}`);
      }
    }
  });

  it("is widened by what one process cannot show", () => {
    const { low, high, width } = pairedRatio([2, 2, 2], [1, 1, 1], "decode")!;
    near(width, 0, 1e-12);
    near(Math.log(high / low), 2 * 2.326 * BETWEEN_RUNNERS.decode, 1e-9);
  });

  it("is unknown from one round, and of times that are zero", () => {
    assert.equal(pairedRatio([1], [2], "prefill"), undefined);
    assert.equal(pairedRatio([0, 0], [1, 1], "prefill"), undefined);
    assert.ok(pairedRatio([1, 1.1], [2, 2], "prefill"));
    assert.throws(() => pairedRatio([1, 2], [1], "prefill"), /2 rounds cannot be paired with 1/);
  });
});

describe("the ratio of two processes", () => {
  it("does not pair rounds, and counts what processes differ by", () => {
    const { ratio, low, high } = independentRatio([2, 2, 2], [1, 1, 1, 1], "prefill")!;
    near(ratio, 2, 1e-12);
    near(Math.log(high / low), 2 * 2.326 * Math.SQRT2 * BETWEEN_PROCESSES.prefill, 1e-9);
    const shuffled = independentRatio([1, 4, 2], [1, 2, 4], "prefill")!;
    near(shuffled.ratio, 1, 1e-12);
    assert.ok(shuffled.low < 0.5 && shuffled.high > 2);
    assert.equal(independentRatio([1], [1, 2], "decode"), undefined);
  });
});
