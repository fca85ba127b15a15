import { after, describe, it } from "node:test";
import { listDevices } from "../../src/engine/cuda/devices.ts";
import { loadDriver } from "../../src/engine/cuda/driver.ts";
import { CudaEngine } from "../../src/engine/cuda/engine.ts";
import type { Engine } from "../../src/engine/engine.ts";
import { describeEngine, type ConformanceOptions } from "./conformance.ts";
import { describeObserversAndSwaps } from "./observers-and-swaps.ts";

const driver = loadDriver();
const usable = driver !== undefined && listDevices(driver).some(({ obstacle }) => obstacle === undefined);

/** An engine for several suites, closed after the last. */
function shared(open: () => Promise<Engine>): () => Promise<Engine> {
  let engine: Promise<Engine> | undefined;
  after(async () => (await engine)?.dispose());
  return () => (engine ??= open());
}

if (!usable) describe("CUDA engine", () => it.skip("there is no NVIDIA GPU that it runs on"));
else {
  // As of the WebGPU engine: a cached value at the middle of two 16-bit numbers may be the other one than the reference's.
  const declines = ["moba", "index-reuse"] as const;
  const plain: ConformanceOptions = { tolerance: 3e-3, tieGap: 1e-2, halves: true, keepOpen: true, declines };
  const openPlain = shared(() => CudaEngine.open({ arithmetic: "plain" }));
  describeEngine("CUDA engine, plain products", openPlain, plain);
  describeObserversAndSwaps("CUDA engine, plain products", openPlain, plain);
  // Operands of 16 bits on top: queries, softmax weights and activations are rounded as well. Logits of deviation 20 make of
  // that more than the tolerance by right: those are for plain products alone.
  const tensor: ConformanceOptions = {
    ...{ tolerance: 2e-2, tieGap: 5e-2, unjudged: 0.5, halves: true, keepOpen: true, declines },
    subjects: ({ options }) => options?.loudness === undefined,
  };
  const openTensor = shared(() => CudaEngine.open());
  describeEngine("CUDA engine, tensor cores", openTensor, tensor);
  describeObserversAndSwaps("CUDA engine, tensor cores", openTensor, tensor);
}
