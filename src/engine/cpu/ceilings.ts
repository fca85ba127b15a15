import type { Ceilings } from "../engine.ts";
import { GraphBuilder } from "./graph.ts";
import { floats, Session } from "./session.ts";

const MATRIX = 1024;
/** 64 MiB: several times any cache that one process gets to itself. */
const COPIED_FLOATS = 16 * 1024 * 1024;
const ROUNDS = 12;

/**
 * The machine's speed limits as this engine can reach them: a square float32 matrix product and an element-wise pass over
 * a large array, both through onnxruntime with the engine's threads. The best of the rounds counts, since a limit is asked
 * for and other programs only ever slow it down.
 */
export async function measureCeilings(threads: number, signal?: AbortSignal): Promise<Ceilings> {
  // Little leaves either graph: the binding copies every output into new memory, which would be timed too.
  const product = new GraphBuilder("matrix-rate");
  const square = [MATRIX, MATRIX] as const;
  const multiplied = product.matmul(product.input("a", "float32", square), product.input("b", "float32", square));
  product.output("y", product.slice(multiplied, 0, 0, 1), "float32", [1, MATRIX]);
  const matrix = (fill: number): Float32Array =>
    Float32Array.from({ length: MATRIX * MATRIX }, (_, i) => Math.sin(i * fill));
  const a = floats(matrix(0.7), square);
  const b = floats(matrix(1.3), square);
  const y = floats(new Float32Array(MATRIX), [1, MATRIX]);
  const productMs = await fastest(product, threads, { a, b }, { y }, signal);

  const copy = new GraphBuilder("copy-bandwidth");
  const shape = [COPIED_FLOATS] as const;
  const passed = copy.op("Neg", [copy.input("x", "float32", shape)]);
  copy.output("y", copy.slice(passed, 0, 0, 1), "float32", [1]);
  const x = floats(new Float32Array(COPIED_FLOATS).fill(1.5), shape);
  const copyMs = await fastest(copy, threads, { x }, { y: floats(new Float32Array(1), [1]) }, signal);

  return {
    matrixGflops: (2 * MATRIX ** 3) / productMs / 1e6,
    copyGBps: (2 * 4 * COPIED_FLOATS) / copyMs / 1e6,
    method:
      `best of ${ROUNDS}: float32 ${MATRIX} x ${MATRIX} x ${MATRIX} product; element-wise pass over ` +
      `${(COPIED_FLOATS * 4) / 2 ** 20} MiB, bytes read plus written; onnxruntime CPU, ${threads} threads`,
  };
}

async function fastest(
  graph: GraphBuilder,
  threads: number,
  feeds: Parameters<Session["run"]>[0],
  outputs: Parameters<Session["run"]>[1],
  signal: AbortSignal | undefined,
): Promise<number> {
  const session = await Session.create(graph, threads);
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    signal?.throwIfAborted();
    const begin = performance.now();
    await session.run(feeds, outputs);
    best = Math.min(best, performance.now() - begin);
  }
  await session.dispose();
  return best;
}
