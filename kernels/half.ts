/** Rounds to IEEE half precision, to nearest even; what a 16-bit weight or cache row holds. Returns bits. */
export function toHalfBits(value: number): number {
  scratchFloat[0] = value;
  const bits = scratchBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const mantissa = bits & 0x7fffff;
  if (exponent === 0xff) return sign | (mantissa === 0 ? 0x7c00 : 0x7e00);
  const half = exponent - 112;
  if (half >= 31) return sign | 0x7c00;
  if (half > 0) return sign | roundToEven(((half << 23) | mantissa) >>> 0, 13);
  if (half < -10) return sign;
  return sign | roundToEven(mantissa | 0x800000, 14 - half);
}

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/** Drops `shift` low bits, rounding to nearest, ties to even; a carry into the exponent is the right next number. */
function roundToEven(bits: number, shift: number): number {
  const kept = bits >>> shift;
  const rest = bits - kept * 2 ** shift;
  const middle = 2 ** (shift - 1);
  return rest > middle || (rest === middle && kept % 2 === 1) ? kept + 1 : kept;
}

export function fromHalfBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** Values packed as 16-bit floats, two to a word, in a whole number of u32 words. */
export function packHalves(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const packed = new Uint16Array(values.length + (values.length % 2));
  for (let i = 0; i < values.length; i++) packed[i] = toHalfBits(values[i]!);
  return packed;
}

/** The values that 16-bit storage keeps of these. */
export function roundToHalf(values: ArrayLike<number>): Float32Array {
  return Float32Array.from(values, (value) => fromHalfBits(toHalfBits(value)));
}
