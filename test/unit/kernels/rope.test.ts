import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Random } from "../../../kernels/random.ts";
import { cases } from "../../../kernels/rope/cases.ts";
import { rope } from "../../../kernels/rope/reference.ts";
import { assertNear, SEED } from "./near.ts";

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

describe(`RoPE (SEED=${SEED})`, () => {
  it("turns the pair (i, i + d / 2) by position * base^(-2 i / d)", () => {
    // base 16, d = 4: pair 0 turns by 1 a position, pair 1 by 16^(-1/2) = 1/4. At position 2: by 2 and by 1/2.
    const x = Float64Array.of(1, 0, 0, 3);
    const expected = [Math.cos(2), -3 * Math.sin(0.5), Math.sin(2), 3 * Math.cos(0.5)];
    assertNear(rope({ x, heads: 1, headDim: 4, start: 2, base: 16 }), expected);
  });

  it("leaves position 0 alone and counts positions by row, not by head", () => {
    const x = new Random(SEED).normals(2 * 3 * 8);
    const whole = rope({ x, heads: 3, headDim: 8, start: 0, base: 100 });
    assertNear(whole.subarray(0, 24), x.subarray(0, 24));
    assertNear(whole.subarray(24), rope({ x: x.subarray(24), heads: 3, headDim: 8, start: 1, base: 100 }));
  });

  it("makes q.k depend on the distance only", () => {
    const random = new Random(SEED);
    const at = (x: Float32Array, start: number): Float64Array =>
      rope({ x, heads: 1, headDim: 64, start, base: 640_000 });
    const q = random.normals(64);
    const k = random.normals(64);
    const near = dot(at(q, 9), at(k, 2));
    assert.ok(Math.abs(near - dot(at(q, 1009), at(k, 1002))) < 1e-9);
    assert.ok(Math.abs(near - dot(at(q, 9), at(k, 3))) > 1e-6, "another distance gives another product");
  });

  for (const { name, inputs } of cases) {
    it(`${name}: keeps every head's norm, and turns back`, () => {
      const input = inputs(SEED);
      const { x, heads, headDim, start } = input;
      const turned = rope(input);
      for (let at = 0; at < x.length; at += headDim) {
        const before = Float64Array.from(x.subarray(at, at + headDim));
        const after = turned.subarray(at, at + headDim);
        assertNear([Math.sqrt(dot(after, after))], [Math.sqrt(dot(before, before))]);
      }
      const row = heads * headDim;
      for (let c = 0; c * row < x.length; c++) {
        const back = rope({ ...input, x: turned.subarray(c * row, (c + 1) * row), start: -(start + c) });
        assertNear(back, x.subarray(c * row, (c + 1) * row));
      }
    });
  }
});
