import { after, describe, it } from "node:test";
import type { Engine } from "../../src/engine/engine.ts";
import { WebGpuEngine } from "../../src/engine/webgpu/engine.ts";
import { describeEngine, type ConformanceOptions } from "./conformance.ts";
import { testGpu } from "./gpu.ts";
import { describeObserversAndSwaps } from "./observers-and-swaps.ts";

/**
 * Every G, both gates, window below, at and above a block, untied head, shared weights, a sparse last layer. Each costs
 * seconds of compiling.
 */
const CHOSEN = ["between one and two blocks", "G = 1,", "G = 3,", "d = 64,", "share weights"];

/** An engine for several suites: what one of them compiled serves the others. */
function shared(open: () => Promise<Engine>): () => Promise<Engine> {
  let engine: Promise<Engine> | undefined;
  after(async () => (await engine)?.dispose());
  return () => (engine ??= open());
}

const found = await testGpu();

if (found.gpu === undefined) describe("WebGPU engine", () => it.skip(found.why));
else {
  const { gpu } = found;
  // A value that lies at the middle of two 16-bit numbers may be cached as the other one than the reference's: a logit
  // then differs by up to |q_i| 2^-11, and scores are exponentials of logits.
  const portable: ConformanceOptions = {
    tolerance: 3e-3,
    tieGap: 1e-2,
    halves: true,
    keepOpen: true,
    subjects: ({ name }) => CHOSEN.some((part) => name.includes(part)),
  };
  const openPortable = shared(() => WebGpuEngine.open({ gpu, arithmetic: "f32" }));
  describeEngine("WebGPU engine", openPortable, portable);
  // With and without sinks, both gates, several oracles, and a full layer that feeds nobody before the last.
  describeObserversAndSwaps("WebGPU engine", openPortable, {
    ...portable,
    subjects: ({ name }) => ["G = 1,", "feeds nobody"].some((part) => name.includes(part)),
  });
  // Operands of 16 bits on top: queries, softmax weights and activations are rounded as well.
  const emulated: ConformanceOptions = {
    tolerance: 2e-2,
    tieGap: 5e-2,
    unjudged: 0.5,
    halves: true,
    keepOpen: true,
    subjects: ({ name }) => name.includes("d = 64,"),
  };
  const openEmulated = shared(() => WebGpuEngine.open({ gpu, matrix: "emulated" }));
  describeEngine("WebGPU engine, tiles of matrix units emulated", openEmulated, { ...emulated, agreementOnly: true });
  describeObserversAndSwaps("WebGPU engine, tiles of matrix units emulated", openEmulated, {
    ...emulated,
    brief: true,
  });
}
