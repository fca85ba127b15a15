import { performance } from "node:perf_hooks";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import { linear } from "../../../kernels/linear/reference.ts";
import type { Ceilings } from "../engine.ts";

const SIDE = 192;
/** Values of 8 bytes: what the caches of one core hold, and what none does. */
const READ_VALUES = [2 ** 12, 2 ** 16, 2 ** 19, 2 ** 22] as const;
const READ_IN_ALL = READ_VALUES.at(-1)!;
const STEPS = 2 ** 20;
const CHAINS = 8;
const REPEATS = 5;
const DOUBLE = Float64Array.BYTES_PER_ELEMENT;

/** Seconds of the fastest of a few runs of `work`, after one that warms the compiler up. */
async function fastest(work: () => unknown, signal: AbortSignal | undefined): Promise<number> {
  let best = Infinity;
  for (let i = 0; i <= REPEATS; i++) {
    await yieldToEvents();
    signal?.throwIfAborted();
    const began = performance.now();
    work();
    if (i > 0) best = Math.min(best, (performance.now() - began) / 1000);
  }
  return best;
}

/** Times what plain loops give at best: multiply-adds of a few variables, or the matrix product of `linear`; reads; a copy. */
export async function measureCeilings(signal?: AbortSignal): Promise<Ceilings> {
  const x = new Float64Array(SIDE * SIDE).fill(1.5);
  const weight = new Float32Array(SIDE * SIDE).fill(0.5);
  const product = (2 * SIDE ** 3) / (await fastest(() => linear({ x, weight, inputs: SIDE }), signal));
  const variables = (2 * CHAINS * STEPS) / (await fastest(() => multiplyAdds(STEPS, 0.875, 0.25), signal));
  const from = new Float64Array(READ_IN_ALL).fill(1);
  const to = new Float64Array(READ_IN_ALL);
  const copy = await fastest(() => {
    for (let i = 0; i < READ_IN_ALL; i++) to[i] = from[i]!;
  }, signal);
  const reads: { bytes: number; GBps: number }[] = [];
  for (const values of READ_VALUES) {
    const seconds = await fastest(() => sum(from.subarray(0, values), READ_IN_ALL / values), signal);
    reads.push({ bytes: values * DOUBLE, GBps: (READ_IN_ALL * DOUBLE) / seconds / 1e9 });
  }
  return {
    matrixGflops: Math.max(product, variables) / 1e9,
    copyGBps: (2 * to.byteLength) / copy / 1e9,
    reads,
    method:
      `plain loops on one thread, fastest of ${REPEATS}: float64 multiply-adds, the better of ${CHAINS} variables and a product of ` +
      `two ${SIDE} x ${SIDE} matrices; reads of an array again and again; copy of ${to.byteLength / 2 ** 20} MiB, read plus written`,
  };
}

function multiplyAdds(steps: number, scale: number, add: number): number {
  let [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7];
  for (let i = 0; i < steps; i++) {
    a = a * scale + add;
    b = b * scale + add;
    c = c * scale + add;
    d = d * scale + add;
    e = e * scale + add;
    f = f * scale + add;
    g = g * scale + add;
    h = h * scale + add;
  }
  return a + b + c + d + e + f + g + h;
}

/** All values, `times` over, in four sums that need not wait for one another. */
function sum(values: Float64Array, times: number): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  for (let time = 0; time < times; time++) {
    for (let i = 0; i < values.length; i += 4) {
      a += values[i]!;
      b += values[i + 1]!;
      c += values[i + 2]!;
      d += values[i + 3]!;
    }
  }
  return a + b + c + d;
}
