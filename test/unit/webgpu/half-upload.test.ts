import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromHalfBits, toHalfBits } from "../../../kernels/half.ts";
import { halfToNumber, toHalves } from "../../../src/model/float16.ts";

describe("16-bit weights", () => {
  it("every half and every middle between two halves rounds as IEEE says", () => {
    const values: number[] = [];
    for (let bits = 0; bits < 0x7c00; bits++) {
      const low = fromHalfBits(bits);
      const high = bits === 0x7bff ? 65_536 : fromHalfBits(bits + 1);
      const middle = (low + high) / 2;
      values.push(low, middle, middle * (1 - 2 ** -24), middle * (1 + 2 ** -23));
    }
    const floats = Float32Array.from([...values, ...values.map((value) => -value)]);
    const halves = toHalves(floats);
    floats.forEach((value, i) => assert.equal(halves[i], toHalfBits(value), `${value}`));
    assert.equal(toHalfBits(1 + 2 ** -11), toHalfBits(1), "a tie goes to the even one");
    assert.equal(toHalfBits(1 + 3 * 2 ** -11), toHalfBits(1 + 2 ** -9), "and here the even one is above");
  });

  it("reads back what the checkpoint reader reads", () => {
    for (let bits = 0; bits < 0x10000; bits++)
      assert.ok(Object.is(fromHalfBits(bits), halfToNumber(bits)), String(bits));
  });

  it("keeps what a 16-bit checkpoint held, bit by bit", () => {
    const finite = Uint16Array.from({ length: 0x7c00 }, (_, bits) => bits);
    const floats = Float32Array.from(finite, halfToNumber);
    assert.deepEqual(toHalves(floats), finite);
  });
});
