import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Expected } from "../../../kernels/gpu-check.ts";
import { compare } from "../../../src/bench/kernels/check.ts";

const expecting = (values: readonly number[], more: Partial<Expected> = {}): Expected => ({
  format: "f32",
  values,
  tolerance: 1e-5,
  per: 2,
  ...more,
});

function verdict(actual: readonly number[], expected: Expected, before?: readonly number[]): number | string {
  return compare(Float64Array.from(actual), expected, before === undefined ? undefined : Float64Array.from(before));
}

describe("comparing a GPU kernel's output with the reference", () => {
  it("takes the largest relative error of the runs", () => {
    const error = verdict([3, 4, 1 + 4e-6, 0], expecting([3, 4, 1, 0]));
    assert.ok(typeof error === "number" && Math.abs(error - 4e-6) < 1e-12, String(error));
  });

  it("judges every run by its own size", () => {
    assert.match(
      String(verdict([1e6, 1e6, 1e-3, 1.1e-3], expecting([1e6, 1e6, 1e-3, 1e-3]))),
      /elements 2 to 3 differ/u,
    );
  });

  it("lets a device flush what float32 cannot hold, and nothing larger", () => {
    const shut = Math.exp(-128);
    assert.equal(verdict([0, 0], expecting([shut, -shut])), 0);
    assert.match(String(verdict([0, 0], expecting([1e-30, 0]))), /differ by 1/u);
    assert.match(String(verdict([1, 0], expecting([shut, 0]))), /differ/u);
    assert.match(
      String(verdict([0, 0], expecting([1e-37, 0], { format: "f16" }))),
      /differ/u,
      "half precision is held to its bits",
    );
  });

  it("takes no NaN, infinity or hole for a value, however small the value is", () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      assert.match(String(verdict([bad, 1], expecting([1e-60, 1]))), /element 0 is/u);
    }
  });

  it("asks for identity where the tolerance is 0", () => {
    assert.equal(verdict([7, 8], expecting([7, 8], { format: "u32", tolerance: 0 })), 0);
    assert.match(String(verdict([7, 9], expecting([7, 8], { format: "u32", tolerance: 0 }))), /differ/u);
  });

  it("asks what is not judged to be left alone", () => {
    const first = expecting([1, 2], { judged: (i) => i === 0 });
    assert.equal(verdict([1, 5], first, [0, 5]), 0);
    assert.match(String(verdict([1, 2], first, [0, 5])), /element 1 must not be written/u);
  });
});
