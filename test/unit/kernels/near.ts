import assert from "node:assert/strict";

/** Fresh in every run; set SEED to repeat one. It is in the suites' names, so a failure prints it. */
export const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 0x1_0000_0000));

/** Asserts that two arrays agree to float64 rounding: 1e-12 of the larger value, or of 1. */
export function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  assert.equal(actual.length, expected.length, "lengths differ");
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!;
    const b = expected[i]!;
    // Written so that NaN fails.
    const near = Math.abs(a - b) <= 1e-12 * Math.max(1, Math.abs(a), Math.abs(b));
    if (!near) assert.fail(`value ${i} is ${a}, not ${b}`);
  }
}

/** Asserts that a kernel refuses its input with a RangeError whose message says `what`. */
export function assertRefuses(call: () => unknown, what: string): void {
  assert.throws(call, (error) => error instanceof RangeError && error.message.includes(what));
}
