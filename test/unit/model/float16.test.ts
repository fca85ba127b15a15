import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bfloat16ToFloat32, halfToFloat32 } from "../../../src/model/float16.ts";

describe("halfToFloat32", () => {
  it("knows zero, subnormals, the extremes, infinities and not-a-number", () => {
    const bits = [0x0000, 0x8000, 0x0001, 0x83ff, 0x0400, 0x3c00, 0xc000, 0x7bff, 0x3555, 0x7c00, 0xfc00, 0x7e00];
    const expected = [
      0,
      -0,
      2 ** -24,
      -1023 * 2 ** -24,
      2 ** -14,
      1,
      -2,
      65504,
      0.333251953125,
      Infinity,
      -Infinity,
      NaN,
    ];
    assert.deepEqual(Array.from(halfToFloat32(Uint16Array.from(bits))), expected);
  });

  it("rises over all positive values", () => {
    const values = halfToFloat32(Uint16Array.from({ length: 0x7c01 }, (_, i) => i));
    for (let i = 1; i < values.length; i++) assert.ok((values[i] ?? NaN) > (values[i - 1] ?? NaN));
  });
});

describe("bfloat16ToFloat32", () => {
  it("is the upper half of a float32", () => {
    const bits = [0x0000, 0x8000, 0x3f80, 0xc000, 0x0001, 0x7f80, 0xff80, 0x7fc0];
    const expected = [0, -0, 1, -2, 2 ** -133, Infinity, -Infinity, NaN];
    assert.deepEqual(Array.from(bfloat16ToFloat32(Uint16Array.from(bits))), expected);
  });
});
