import { describe, it } from "node:test";
import { WebGpuEngine } from "../../src/engine/webgpu/engine.ts";
import { testGpu } from "../kernels/gpu.ts";
import { describeAgainstTraining } from "./against-training.ts";

/**
 * A software GPU takes minutes for more. That decode goes on across the edges of blocks, the conformance suite shows on any GPU, and
 * that 64 tokens follow of these weights, the CPU engine.
 */
const SOFTWARE = { longest: 400, steps: 16 };

const found = await testGpu();

if (found.gpu === undefined) describe("the embedded model on a GPU", () => it.skip(found.why));
else {
  const { gpu, software } = found;
  describeAgainstTraining("WebGPU engine", () => WebGpuEngine.open({ gpu }), {
    // A KV cache of 16 bits, and on matrix units operands of 16 bits, under float32 training code.
    logits: 1e-2,
    sureGap: 5e-3,
    ...(software ? SOFTWARE : {}),
  });
}
