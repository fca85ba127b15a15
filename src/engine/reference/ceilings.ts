import { performance } from "node:perf_hooks";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import { linear } from "../../../kernels/linear/reference.ts";
import type { Ceilings } from "../engine.ts";

const SIDE = 192;
const COPIED_VALUES = 4 * 1024 * 1024;
const REPEATS = 5;

/** Seconds of the fastest of a few runs of `work`, after one that warms the compiler up. */
async function fastest(work: () => void, signal: AbortSignal | undefined): Promise<number> {
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

/** Times the loops this engine is made of: the matrix product of `linear`, and a copy value by value. */
export async function measureCeilings(signal?: AbortSignal): Promise<Ceilings> {
  const x = new Float64Array(SIDE * SIDE).fill(1.5);
  const weight = new Float32Array(SIDE * SIDE).fill(0.5);
  const product = await fastest(() => linear({ x, weight, inputs: SIDE }), signal);
  const from = new Float64Array(COPIED_VALUES).fill(1);
  const to = new Float64Array(COPIED_VALUES);
  const copy = await fastest(() => {
    for (let i = 0; i < COPIED_VALUES; i++) to[i] = from[i]!;
  }, signal);
  return {
    matrixGflops: (2 * SIDE ** 3) / product / 1e9,
    copyGBps: (2 * to.byteLength) / copy / 1e9,
    method:
      `plain loops on one thread, fastest of ${REPEATS}: float64 product of two ${SIDE} x ${SIDE} matrices, ` +
      `copy of ${to.byteLength / 2 ** 20} MiB counted as read plus written`,
  };
}
