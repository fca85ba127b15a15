/**
 * 16-bit floats to float32, exactly (every value of both formats is a float32). A table of all 65,536 binary16 values is
 * built on first use: a lookup per value is several times faster than decoding fields, and the table is 256 KB.
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

/** binary16 (F16) to float32. */
export function halfToFloat32(values: Uint16Array): Float32Array {
  halfTable ??= Float32Array.from({ length: 0x10000 }, (_, bits) => halfToNumber(bits));
  const table = halfTable;
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = table[values[i] as number] as number;
  return out;
}

/** bfloat16 (BF16), the upper half of a float32, to float32. */
export function bfloat16ToFloat32(values: Uint16Array): Float32Array {
  const bits = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = (values[i] as number) << 16;
  return new Float32Array(bits.buffer);
}
