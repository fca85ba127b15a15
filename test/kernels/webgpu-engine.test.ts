import { describe, it } from "node:test";
import { WebGpuEngine } from "../../src/engine/webgpu/engine.ts";
import { describeEngine } from "./conformance.ts";
import { testGpu } from "./gpu.ts";

const found = await testGpu();

if (found.gpu === undefined) describe("WebGPU engine", () => it.skip(found.why));
else {
  // 32-bit arithmetic on 16-bit weights and caches; a cached value may round the other way than the reference's.
  describeEngine("WebGPU engine", () => WebGpuEngine.open({ gpu: found.gpu, arithmetic: "f32" }), {
    tolerance: 1e-3,
    tieGap: 5e-3,
    halves: true,
  });
}
