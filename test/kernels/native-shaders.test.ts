import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { create } from "webgpu";
import type { DeviceTraits, GpuOp, GpuProgram } from "../../kernels/gpu-op.ts";
import { makeOps, type NamedOp } from "../../src/engine/webgpu/ops.ts";
import { shaderSource } from "../../src/engine/webgpu/shader-source.ts";
import { loadModel } from "../../src/model/models.ts";
import { PRESETS } from "../../src/model/presets.ts";
import type { Architecture } from "../../src/model/architecture.ts";

const FEATURES = ["shader-f16", "subgroups", "chromium-experimental-subgroup-matrix"] as const;

/** What a large GPU with matrix units says of itself; the same with f16 only, and with neither. */
const large: DeviceTraits = {
  arithmetic: "f16",
  matrix: "units",
  subgroupSize: 32,
  maxInvocations: 1024,
  workgroupStorageBytes: 49_152,
  storageBuffers: 16,
  maxBindingBytes: 2 ** 31 - 4,
  maxWorkgroups: 65_535,
};
const PATHS: readonly (readonly [string, DeviceTraits])[] = [
  ["matrix units", large],
  ["f16 arithmetic", { ...large, matrix: "none" }],
  ["f32 arithmetic", { ...large, matrix: "none", arithmetic: "f32" }],
  [
    "a small device",
    { ...large, matrix: "none", arithmetic: "f32", maxInvocations: 256, workgroupStorageBytes: 16_384 },
  ],
];

/** Every program of an architecture's ops, once. */
function programs(architecture: Architecture, traits: DeviceTraits): GpuProgram[] {
  const found = new Set<GpuProgram>();
  const collect = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("op" in value) for (const program of (value as NamedOp<unknown>).op.programs) found.add(program);
    else for (const inner of Object.values(value as Record<string, GpuOp<unknown>>)) collect(inner);
  };
  collect(makeOps(architecture, traits));
  return [...found];
}

/** CI has no GPU that runs these; Dawn's null backend takes the same text through the same compiler. */
describe("shaders of paths that software Vulkan cannot run compile", async () => {
  const embedded = (await loadModel("embedded")).architecture;
  const shapes: readonly (readonly [string, Architecture])[] = [
    ["embedded", embedded],
    ["paper-7b", PRESETS["paper-7b"].architecture],
    ["paper-80b-a3b", PRESETS["paper-80b-a3b"].architecture],
  ];
  // Held for the whole test: a collected instance takes the process with it.
  const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
  let adapter: GPUAdapter;
  let device: GPUDevice;
  before(async () => {
    const found = await gpu.requestAdapter();
    assert.ok(found !== null, "Dawn has no null backend");
    adapter = found;
    assert.deepEqual(
      FEATURES.filter((feature) => !adapter.features.has(feature)),
      [],
      "features that the null backend lacks",
    );
    device = await adapter.requestDevice({ requiredFeatures: FEATURES as readonly string[] as GPUFeatureName[] });
  });
  after(() => device.destroy());

  for (const [path, traits] of PATHS) {
    for (const [name, architecture] of shapes) {
      it(`${path}, ${name}`, async () => {
        const all = programs(architecture, traits);
        assert.ok(all.length > 15, `${all.length} programs`);
        for (const program of all) {
          device.pushErrorScope("validation");
          const module = device.createShaderModule({ label: program.name, code: shaderSource(program, traits) });
          const { messages } = await module.getCompilationInfo();
          const errors = messages.filter(({ type }) => type === "error");
          const scope = await device.popErrorScope();
          assert.deepEqual(
            errors.map(({ lineNum, message }) => `${program.name}, line ${lineNum}: ${message}`),
            [],
          );
          assert.equal(scope?.message, undefined, program.name);
        }
      });
    }
  }
});
