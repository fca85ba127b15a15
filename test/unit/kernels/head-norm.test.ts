import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cases } from "../../../kernels/head-norm/cases.ts";
import { headNorm } from "../../../kernels/head-norm/reference.ts";
import { assertNear, SEED } from "./near.ts";

describe(`head norm (SEED=${SEED})`, () => {
  it("adds the bias first, norms q and k by weights of their own, and leaves v and what follows", () => {
    const shape = { rows: 1, queryHeads: 1, kvHeads: 1, headDim: 2, eps: 3.5 };
    const projected = Float64Array.of(2, 2, 0, 4, 5, 6, 7);
    const bias = Float64Array.of(1, 2, 3, 0, 1, 1);
    // Mean square of (3, 4) is 12.5; eps lifts it to 16.
    const norm = Float64Array.of(1, 2, 10, 100);
    assertNear(headNorm({ projected, bias, norm, ...shape }), [0.75, 2, 7.5, 100, 6, 7, 7]);
    assertNear(headNorm({ projected, bias, ...shape }), [3, 4, 3, 4, 6, 7, 7]);
  });

  for (const { name, inputs } of cases) {
    it(`${name}: rows do not know each other`, () => {
      const input = inputs(SEED);
      const width = input.projected.length / input.rows;
      const last = input.projected.subarray(-width);
      const alone = headNorm({ ...input, projected: last, rows: 1 });
      assert.deepEqual(headNorm(input).slice(-width), alone);
    });
  }
});
