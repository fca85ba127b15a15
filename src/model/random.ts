/**
 * A small seeded generator, so that synthetic weights are the same on every machine: xoshiro128** 1.1 (Blackman and
 * Vigna), its state filled by splitmix32. Not for secrets.
 */
export class Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    let s = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      s = (s + 0x9e3779b9) >>> 0;
      let z = s;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      this.#state[i] = z ^ (z >>> 15);
    }
  }

  /** Uniform over the integers 0 .. 2^32 - 1. */
  uint32(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#state;
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    this.#state[2] = c ^ a;
    this.#state[3] = d ^ b;
    this.#state[1] = b ^ c ^ a;
    this.#state[0] = a ^ d ^ b;
    this.#state[2] ^= b << 9;
    this.#state[3] = rotateLeft(d ^ b, 11);
    return scrambled;
  }

  /** Uniform over 0 .. below - 1 (the bias of the remainder is below 2^-32 * below). */
  below(below: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * below);
  }

  /** Standard normal values, two at a time by Box and Muller. */
  gaussians(count: number): Float32Array {
    const values = new Float32Array(count);
    for (let i = 0; i < count; i += 2) {
      // + 1 keeps the logarithm's argument above zero.
      const radius = Math.sqrt(-2 * Math.log((this.uint32() + 1) / 2 ** 32));
      const angle = (2 * Math.PI * this.uint32()) / 2 ** 32;
      values[i] = radius * Math.cos(angle);
      if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
    }
    return values;
  }
}

/** Fills with normal values of this deviation for what is called `name`, from the one at `from` on; the same on every call. */
export function seededNormals(
  seed: number,
  name: string,
  deviation: number,
): (out: Float32Array, from: number) => void {
  return (out, from) => {
    const values = new Random(seedOf(seed, name)).gaussians(from + out.length).subarray(from);
    out.set(values.map((value) => value * deviation));
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** A seed for one named part of something seeded, so that parts may be made in any order (FNV-1a over the name). */
export function seedOf(seed: number, name: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
