/**
 * 16-bit floats to float32, exactly (every value of both formats is a float32), and back to the nearest; into `out`, of as
 * many values, where it is given. A table of all 65,536 binary16 values is built on first use: a lookup per value is several
 * times faster than decoding fields, and the table is 256 KB.
 */
let halfTable: Float32Array | undefined;

/** The value of one IEEE 754 binary16 number: sign 1, exponent 5 (bias 15), fraction 10 bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The values of all 65,536 binary16 numbers. */
export function halfValues(): Float32Array {
  return (halfTable ??= Float32Array.from({ length: 0x10000 }, (_, bits) => halfToNumber(bits)));
}

/** binary16 (F16) to float32. */
export function halfToFloat32(values: Uint16Array, out = new Float32Array(values.length)): Float32Array {
  const table = halfValues();
  for (let i = 0; i < values.length; i++) out[i] = table[values[i] as number] as number;
  return out;
}

/** bfloat16 (BF16), the upper half of a float32, to float32. */
export function bfloat16ToFloat32(values: Uint16Array, out = new Float32Array(values.length)): Float32Array {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < values.length; i++) bits[i] = (values[i] as number) << 16;
  return out;
}

/** float32 to binary16 bits, to nearest even, by tables over the upper nine bits: values are converted by the million. */
const BASE = new Uint16Array(512);
const SHIFT = new Uint8Array(512);
/** Drops everything: values that round to zero or are infinite already. */
const ALL = 32;

for (let sign = 0; sign < 2; sign++) {
  for (let exponent = 0; exponent < 256; exponent++) {
    const i = sign * 256 + exponent;
    const power = exponent - 112;
    const bits = sign << 15;
    if (exponent === 255 || power >= 31) [BASE[i], SHIFT[i]] = [bits | 0x7c00, ALL];
    else if (power > 0) [BASE[i], SHIFT[i]] = [bits | (power << 10), 13];
    else if (power >= -10) [BASE[i], SHIFT[i]] = [bits, 14 - power];
    else [BASE[i], SHIFT[i]] = [bits, ALL];
  }
}

/** float32 to binary16 (F16) bits, to nearest even. Values are finite; what is too large for the format becomes infinite. */
export function toHalves(values: Float32Array, halves = new Uint16Array(values.length)): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const top = word >>> 23;
    const shift = SHIFT[top]!;
    if (shift === ALL) {
      halves[i] = BASE[top]!;
      continue;
    }
    // Subnormal results need the mantissa's leading one; normal ones have it in the exponent.
    const mantissa = shift === 13 ? word & 0x7fffff : (word & 0x7fffff) | 0x800000;
    const kept = mantissa >>> shift;
    const rest = mantissa & ((1 << shift) - 1);
    const middle = 1 << (shift - 1);
    halves[i] = BASE[top]! + kept + (rest > middle || (rest === middle && (kept & 1) === 1) ? 1 : 0);
  }
  return halves;
}
