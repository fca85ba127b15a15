import { bfloat16ToFloat32, halfToFloat32, halfValues } from "../float16.ts";

/** How a type of ggml stores values: `values` of them in `bytes`, one block after the other. */
export interface GgmlType {
  readonly name: string;
  readonly values: number;
  readonly bytes: number;
  /** As many values as `out` holds, from the block that begins at the byte `from` on; whole blocks. */
  readonly dequantize: (data: Uint8Array<ArrayBuffer>, from: number, out: Float32Array<ArrayBuffer>) => void;
}

/** Rounds to float32, as every step of ggml's own arithmetic does. */
const f32 = Math.fround;

type Block = (data: Uint8Array, from: number, out: Float32Array, at: number, halves: Float32Array) => void;

/** A type whose blocks are unpacked one by one. */
function quantized(name: string, values: number, bytes: number, block: Block): GgmlType {
  return {
    ...{ name, values, bytes },
    dequantize: (data, from, out) => {
      const halves = halfValues();
      for (let at = 0; at < out.length; at += values, from += bytes) block(data, from, out, at, halves);
    },
  };
}

/** Where the table of binary16 has the number at a byte. */
function bits(data: Uint8Array, at: number): number {
  return data[at]! | (data[at + 1]! << 8);
}

/** 32 values around zero: 16 bytes of low nibbles, values 0 to 15, and high ones. */
function centred(data: Uint8Array, from: number, out: Float32Array, at: number, d: number): void {
  for (let i = 0; i < 16; i++) {
    const byte = data[from + i]!;
    out[at + i] = d * ((byte & 15) - 8);
    out[at + i + 16] = d * ((byte >> 4) - 8);
  }
}

/** The same from a least value on. */
function raised(data: Uint8Array, from: number, out: Float32Array, at: number, d: number, least: number): void {
  for (let i = 0; i < 16; i++) {
    const byte = data[from + i]!;
    out[at + i] = f32(d * (byte & 15)) + least;
    out[at + i + 16] = f32(d * (byte >> 4)) + least;
  }
}

/** 32 values of five bits: the fifth of value i is bit i of `fifth`. */
function fiveBits(data: Uint8Array, from: number, fifth: number, each: (i: number, value: number) => void): void {
  for (let i = 0; i < 16; i++) {
    const byte = data[from + i]!;
    each(i, (byte & 15) | (((fifth >>> i) & 1) << 4));
    each(i + 16, (byte >> 4) | (((fifth >>> (i + 16)) & 1) << 4));
  }
}

function word(data: Uint8Array, at: number): number {
  return data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
}

/** Q4_K and Q5_K: eight sub-blocks of 32 values; `fifths` is where a fifth bit of each lies, if there is one. */
function eightOf32(
  data: Uint8Array,
  from: number,
  out: Float32Array,
  at: number,
  halves: Float32Array,
  fifths: number | undefined,
): void {
  const d = halves[bits(data, from)]!;
  const least = halves[bits(data, from + 2)]!;
  const low = from + (fifths === undefined ? 16 : 48);
  // Six bits of scale and of minimum each, in twelve bytes.
  const s = from + 4;
  for (let j = 0; j < 8; j++) {
    const scale = j < 4 ? data[s + j]! & 63 : (data[s + j + 4]! & 15) | ((data[s + j - 4]! >> 6) << 4);
    const minimum = j < 4 ? data[s + j + 4]! & 63 : (data[s + j + 4]! >> 4) | ((data[s + j]! >> 6) << 4);
    const step = f32(d * scale);
    const offset = f32(least * minimum);
    const nibbles = low + (j >> 1) * 32;
    const shift = (j & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const fifth = fifths === undefined ? 0 : ((data[fifths + i]! >> j) & 1) << 4;
      out[at + j * 32 + i] = f32(step * (((data[nibbles + i]! >> shift) & 15) | fifth)) - offset;
    }
  }
}

/** Q6_K: two halves of low four bits [64], high two [32] and scales [8] of 16 values each. */
function sixteenOf16(data: Uint8Array, from: number, out: Float32Array, at: number, halves: Float32Array): void {
  const d = halves[bits(data, from + 208)]!;
  for (let part = 0; part < 2; part++) {
    const low = from + part * 64;
    const high = from + 128 + part * 32;
    const scales = from + 192 + part * 8;
    for (let group = 0; group < 4; group++) {
      const nibbles = low + (group & 1) * 32;
      const shift = (group >> 1) * 4;
      const to = at + part * 128 + group * 32;
      for (let i = 0; i < 32; i++) {
        const step = f32(d * signed(data[scales + group * 2 + (i >> 4)]!));
        const value = ((data[nibbles + i]! >> shift) & 15) | (((data[high + i]! >> (2 * group)) & 3) << 4);
        out[to + i] = step * (value - 32);
      }
    }
  }
}

/** A byte as int8. */
function signed(byte: number): number {
  return (byte << 24) >> 24;
}

/** By the number that a file gives. Formulas are those of ggml-quants.c, which tests hold to PyPI's `gguf` bit for bit. */
export const GGML_TYPES: ReadonlyMap<number, GgmlType> = new Map([
  [
    0,
    {
      ...{ name: "F32", values: 1, bytes: 4 },
      dequantize: (data, from, out) => out.set(new Float32Array(data.buffer, data.byteOffset + from, out.length)),
    },
  ],
  [
    1,
    {
      ...{ name: "F16", values: 1, bytes: 2 },
      dequantize: (data, from, out) =>
        halfToFloat32(new Uint16Array(data.buffer, data.byteOffset + from, out.length), out),
    },
  ],
  [
    2,
    quantized("Q4_0", 32, 18, (data, from, out, at, halves) =>
      centred(data, from + 2, out, at, halves[bits(data, from)]!),
    ),
  ],
  [
    3,
    quantized("Q4_1", 32, 20, (data, from, out, at, halves) =>
      raised(data, from + 4, out, at, halves[bits(data, from)]!, halves[bits(data, from + 2)]!),
    ),
  ],
  [
    6,
    quantized("Q5_0", 32, 22, (data, from, out, at, halves) => {
      const d = halves[bits(data, from)]!;
      fiveBits(data, from + 6, word(data, from + 2), (i, value) => (out[at + i] = d * (value - 16)));
    }),
  ],
  [
    7,
    quantized("Q5_1", 32, 24, (data, from, out, at, halves) => {
      const d = halves[bits(data, from)]!;
      const least = halves[bits(data, from + 2)]!;
      fiveBits(data, from + 8, word(data, from + 4), (i, value) => (out[at + i] = f32(d * value) + least));
    }),
  ],
  [
    8,
    quantized("Q8_0", 32, 34, (data, from, out, at, halves) => {
      const d = halves[bits(data, from)]!;
      for (let i = 0; i < 32; i++) out[at + i] = d * signed(data[from + 2 + i]!);
    }),
  ],
  [12, quantized("Q4_K", 256, 144, (data, from, out, at, halves) => eightOf32(data, from, out, at, halves, undefined))],
  [13, quantized("Q5_K", 256, 176, (data, from, out, at, halves) => eightOf32(data, from, out, at, halves, from + 16))],
  [14, quantized("Q6_K", 256, 210, sixteenOf16)],
  [
    30,
    {
      ...{ name: "BF16", values: 1, bytes: 2 },
      dequantize: (data, from, out) =>
        bfloat16ToFloat32(new Uint16Array(data.buffer, data.byteOffset + from, out.length), out),
    },
  ],
] satisfies [number, GgmlType][]);
