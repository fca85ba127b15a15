import type { Ceilings } from "../engine.ts";
import { GraphBuilder } from "./graph.ts";
import { ceilingCall, PEAK_ROUND } from "./kernels/call.ts";
import type { KernelPool } from "./kernels/pool.ts";
import { floats, Session } from "./session.ts";

const MATRIX = 1024;
/** 64 MiB: several times any cache that one process gets to itself. */
const COPIED_FLOATS = 16 * 1024 * 1024;
const MIB = 2 ** 20;
/** From what the first caches of a few cores hold to more than any cache that one process gets to itself. */
const READ_BYTES = [MIB / 16, MIB / 2, 2 * MIB, 8 * MIB, 32 * MIB, 128 * MIB] as const;
/** Small arrays are read so often that waking the threads takes no part in it. */
const READ_IN_ALL = 256 * MIB;
/** Parts of an array are whole cache lines, of which the kernel reads a few at a time. */
const PART_FLOATS = 128;
const LINE_FLOATS = 16;
/** Half a millisecond of work, and several units for each thread. */
const PEAK_ROUNDS = 65_536;
const PEAK_UNITS = 8;
const ROUNDS = 12;

/**
 * The machine's speed limits, as the best that it shows this engine's threads: multiply-adds in registers or a square
 * float32 matrix product of onnxruntime, whichever is faster; reads of arrays that fit one cache after the other, and of one
 * that fits none; an element-wise pass over a large array. The best of the rounds counts, since a limit is asked for and other
 * programs only ever slow it down.
 */
export async function measureCeilings(threads: number, kernels: KernelPool, signal?: AbortSignal): Promise<Ceilings> {
  const peak = await peakGflops(kernels, signal);
  const product = await productGflops(threads, signal);
  return {
    matrixGflops: Math.max(peak, product),
    copyGBps: await copyGBps(threads, signal),
    reads: await readRates(kernels, signal),
    method:
      `best of ${ROUNDS}: ${peak > product ? `multiply-adds in registers (${kernels.build.name})` : productName}; reads of an ` +
      `array again and again; element-wise pass over ${(COPIED_FLOATS * 4) / MIB} MiB, bytes read plus written (onnxruntime); ` +
      `${threads} threads`,
  };
}

const productName = `float32 ${MATRIX} x ${MATRIX} x ${MATRIX} product (onnxruntime)`;

async function peakGflops(kernels: KernelPool, signal: AbortSignal | undefined): Promise<number> {
  const out = new Float32Array(PEAK_UNITS * kernels.threads);
  const call = ceilingCall("peak", out, { scale: 0.875, window: PEAK_ROUNDS });
  const ms = await fastest(() => kernels.run(call, signal), signal);
  return (2 * PEAK_ROUND * PEAK_ROUNDS * out.length) / ms / 1e6;
}

/** Sizes take turns: on a shared machine memory is fast or slow for as long as all rounds of one size would take. */
async function readRates(kernels: KernelPool, signal: AbortSignal | undefined): Promise<Ceilings["reads"]> {
  const array = kernels.floats(READ_BYTES.at(-1)! / Float32Array.BYTES_PER_ELEMENT + LINE_FLOATS);
  try {
    array.fill(1.5);
    const reads = READ_BYTES.map((size) => {
      const out = new Float32Array(kernels.threads);
      const wanted = size / Float32Array.BYTES_PER_ELEMENT / out.length;
      const cap = Math.max(1, Math.floor(wanted / PART_FLOATS)) * PART_FLOATS;
      const bytes = cap * out.length * Float32Array.BYTES_PER_ELEMENT;
      const times = Math.ceil(READ_IN_ALL / bytes);
      const call = ceilingCall("read", out, { scale: 0, window: times, k: array, cap });
      return { bytes, moved: times * bytes, call, ms: Infinity };
    });
    for (let round = 0; round < ROUNDS; round++) {
      for (const read of reads) {
        read.ms = Math.min(read.ms, await timed(() => kernels.run(read.call, signal), signal));
      }
    }
    return reads.map(({ bytes, moved, ms }) => ({ bytes, GBps: moved / ms / 1e6 }));
  } finally {
    kernels.release(array);
  }
}

async function productGflops(threads: number, signal: AbortSignal | undefined): Promise<number> {
  // Little leaves the graph: the binding copies every output into new memory, which would be timed too.
  const product = new GraphBuilder("matrix-rate");
  const square = [MATRIX, MATRIX] as const;
  const multiplied = product.matmul(product.input("a", "float32", square), product.input("b", "float32", square));
  product.output("y", product.slice(multiplied, 0, 0, 1), "float32", [1, MATRIX]);
  const matrix = (fill: number): Float32Array =>
    Float32Array.from({ length: MATRIX * MATRIX }, (_, i) => Math.sin(i * fill));
  const feeds = { a: floats(matrix(0.7), square), b: floats(matrix(1.3), square) };
  const outputs = { y: floats(new Float32Array(MATRIX), [1, MATRIX]) };
  return (2 * MATRIX ** 3) / (await fastestGraph(product, threads, feeds, outputs, signal)) / 1e6;
}

async function copyGBps(threads: number, signal: AbortSignal | undefined): Promise<number> {
  const copy = new GraphBuilder("copy-bandwidth");
  const shape = [COPIED_FLOATS] as const;
  const passed = copy.op("Neg", [copy.input("x", "float32", shape)]);
  copy.output("y", copy.slice(passed, 0, 0, 1), "float32", [1]);
  const feeds = { x: floats(new Float32Array(COPIED_FLOATS).fill(1.5), shape) };
  const outputs = { y: floats(new Float32Array(1), [1]) };
  return (2 * 4 * COPIED_FLOATS) / (await fastestGraph(copy, threads, feeds, outputs, signal)) / 1e6;
}

async function fastestGraph(
  graph: GraphBuilder,
  threads: number,
  feeds: Parameters<Session["run"]>[0],
  outputs: Parameters<Session["run"]>[1],
  signal: AbortSignal | undefined,
): Promise<number> {
  const session = await Session.create(graph, threads);
  try {
    return await fastest(() => session.run(feeds, outputs), signal);
  } finally {
    await session.dispose();
  }
}

/** Milliseconds of the fastest round. */
async function fastest(work: () => Promise<unknown>, signal: AbortSignal | undefined): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) best = Math.min(best, await timed(work, signal));
  return best;
}

/** Milliseconds. */
async function timed(work: () => Promise<unknown>, signal: AbortSignal | undefined): Promise<number> {
  signal?.throwIfAborted();
  const begin = performance.now();
  await work();
  return performance.now() - begin;
}
