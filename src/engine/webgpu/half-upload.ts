/** float32 to binary16 bits, to nearest even, by tables over the upper nine bits: weights are converted by the million. */
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

/** Values as 16-bit floats. Weights are finite; what is too large for the format becomes infinite. */
export function toHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
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
