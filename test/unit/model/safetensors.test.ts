import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UserError } from "../../../src/model/errors.ts";
import { convert, findNotFinite, parseHeader, type Dtype, type TensorEntry } from "../../../src/model/safetensors.ts";
import { rawSafetensors, writeSafetensors } from "../../fixtures/model/safetensors-bytes.ts";

function parse(file: Uint8Array): TensorEntry[] {
  return parseHeader(file, file.length, "w.safetensors");
}

function refused(file: Uint8Array, message: RegExp): void {
  assert.throws(
    () => parse(file),
    (error: unknown) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      assert.match(error.message, /^w\.safetensors/);
      return true;
    },
  );
}

const tensor = (dtype: string, shape: readonly unknown[], start: unknown, end: unknown): object => ({
  dtype,
  shape,
  data_offsets: [start, end],
});

const file = (header: Record<string, unknown>, bytes: number): Uint8Array =>
  rawSafetensors(JSON.stringify(header), new Uint8Array(bytes));

describe("parseHeader", () => {
  it("reads names, types, shapes and positions, in the order of the data", () => {
    const bytes = file({ __metadata__: { a: "b" }, z: tensor("F16", [3], 4, 10), a: tensor("F32", [1, 1], 0, 4) }, 10);
    const dataStart = bytes.length - 10;
    assert.deepEqual(parse(bytes), [
      { name: "a", dtype: "F32", shape: [1, 1], start: dataStart, end: dataStart + 4 },
      { name: "z", dtype: "F16", shape: [3], start: dataStart + 4, end: dataStart + 10 },
    ]);
  });

  it("accepts scalars, empty tensors, a padded header and no tensors at all", () => {
    assert.equal(parse(file({ s: tensor("BF16", [], 0, 2), e: tensor("F32", [0, 7], 2, 2) }, 2)).length, 2);
    assert.deepEqual(parse(rawSafetensors("{}      ")), []);
  });

  it("refuses a file shorter than the length field", () => {
    refused(new Uint8Array(7), /has 7 bytes, too few/);
    refused(new Uint8Array(0), /has 0 bytes/);
  });

  it("refuses a header longer than the file, or than 100 MB", () => {
    refused(rawSafetensors("{}").subarray(0, 9), /header up to byte 10 but has 9 bytes/);
    const huge = rawSafetensors("{}");
    huge.fill(255, 0, 8);
    refused(huge, /18446744073709551615 bytes, more than 100 MB/);
  });

  it("refuses a header that is not a JSON object", () => {
    refused(rawSafetensors("{"), /not JSON/);
    refused(rawSafetensors(""), /not JSON/);
    refused(rawSafetensors("[]"), /not a JSON object/);
    refused(rawSafetensors("null"), /not a JSON object/);
    const invalidUtf8 = rawSafetensors('{"a":1}');
    invalidUtf8[10] = 0xff;
    refused(invalidUtf8, /not JSON/);
  });

  it("refuses a name given twice, also when it is spelled differently", () => {
    const one = JSON.stringify(tensor("F32", [1], 0, 4));
    refused(rawSafetensors(`{"a": ${one}, "\\u0061" : ${one}}`, new Uint8Array(4)), /holds "a" twice/);
    refused(rawSafetensors('{"a":{"dtype":"F32","dtype":"F16","shape":[],"data_offsets":[0,4]}}'), /"dtype" twice/);
    refused(rawSafetensors('{"__proto__":{},"__proto__":{}}'), /"__proto__" twice/);
  });

  it("refuses types it cannot read", () => {
    refused(file({ a: tensor("I64", [1], 0, 8) }, 8), /tensor "a" is of type I64; convert it to one of F16, BF16, F32/);
    refused(file({ a: tensor("toString", [1], 0, 8) }, 8), /of type toString/);
  });

  it("refuses offsets that do not fit shape and type", () => {
    refused(file({ a: tensor("F32", [2], 0, 4) }, 4), /tensor "a", F32 \[2\], needs 8 bytes .* hold 4/);
    refused(file({ a: tensor("F32", [1], 4, 0) }, 4), /hold -4/);
    refused(file({ a: tensor("F32", [2 ** 40, 2 ** 40], 0, 4) }, 4), /needs/);
  });

  it("refuses data outside the file, also when it was cut", () => {
    refused(file({ a: tensor("F32", [2], 0, 8) }, 5), /tensor "a" reaches 3 bytes beyond the end/);
  });

  it("refuses overlaps, holes and a rest", () => {
    const a = tensor("F32", [2], 0, 8);
    refused(file({ a, b: tensor("F32", [1], 4, 8) }, 8), /"b" overlaps "a"/);
    refused(file({ a, b: tensor("F32", [1], 12, 16) }, 16), /4 unused bytes between "a" and "b"/);
    refused(file({ a }, 10), /2 bytes after the last tensor/);
  });

  it("refuses negative, fractional and missing numbers", () => {
    refused(file({ a: tensor("F32", [-1], 0, 4) }, 4), /tensor "a": shape\.0/);
    refused(file({ a: tensor("F32", [1.5], 0, 6) }, 6), /tensor "a": shape\.0/);
    refused(file({ a: tensor("F32", [1], -4, 0) }, 4), /tensor "a": data_offsets\.0/);
    refused(file({ a: tensor("F32", ["1"], 0, 4) }, 4), /tensor "a": shape\.0/);
    refused(file({ a: { dtype: "F32", shape: [1] } }, 4), /tensor "a": data_offsets/);
    refused(file({ a: 5 }, 4), /tensor "a"/);
    refused(file({ ["__proto__x"]: null }, 0), /tensor "__proto__x"/);
  });
});

/** 1.5, -2 and, as binary16 cannot hold it, 2^-30. */
const STORED: Readonly<Record<Dtype, ArrayBuffer>> = {
  F32: Float32Array.of(1.5, -2, 2 ** -30).buffer,
  F16: Uint16Array.of(0x3e00, 0xc000, 0).buffer,
  BF16: Uint16Array.of(0x3fc0, 0xc000, 0x3080).buffer,
};

/** Infinity, its negative, and what is not a number. */
const NOT_FINITE = { F16: [0x7c00, 0xfc00, 0x7e00], BF16: [0x7f80, 0xff80, 0x7fc0] };

describe("stored values", () => {
  for (const dtype of ["F32", "F16", "BF16"] as const) {
    it(`${dtype} becomes float32 without loss, and binary16 to the nearest`, () => {
      const floats = new Float32Array(3);
      convert(STORED[dtype], dtype, floats);
      assert.deepEqual([...floats], [1.5, -2, dtype === "F16" ? 0 : 2 ** -30]);
      const halves = new Uint16Array(2);
      convert(STORED[dtype], dtype, halves);
      assert.deepEqual([...halves], [0x3e00, 0xc000], "as many as there is room for");
    });

    it(`${dtype} that is infinite or not a number is found`, () => {
      assert.equal(findNotFinite(STORED[dtype], dtype, 3), undefined);
      for (const [i, value] of [Infinity, -Infinity, NaN].entries()) {
        const data = STORED[dtype].slice(0);
        if (dtype === "F32") new Float32Array(data)[1] = value;
        else new Uint16Array(data)[1] = NOT_FINITE[dtype][i]!;
        assert.deepEqual(findNotFinite(data, dtype, 3), { at: 1, value });
        assert.equal(findNotFinite(data, dtype, 1), undefined);
      }
    });
  }
});

describe("writeSafetensors (fixture)", () => {
  it("writes what the parser reads", () => {
    const bytes = writeSafetensors({ w: { dtype: "F16", shape: [2], data: Uint8Array.of(0, 60, 0, 192) } });
    const [entry] = parse(bytes);
    assert.equal(entry?.name, "w");
  });
});
