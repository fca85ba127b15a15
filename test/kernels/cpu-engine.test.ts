import { describeEngine } from "./conformance.ts";
import { describeObserversAndSwaps } from "./observers-and-swaps.ts";
import { CpuEngine } from "../../src/engine/cpu/engine.ts";
import { loadKernels } from "../../src/engine/cpu/kernels/load.ts";
import { loadWasm } from "../../src/engine/cpu/kernels/wasm.ts";

/** Every path there is, each forced; which one a user gets is decided by a trial, whose outcome no test may depend on. */
const PATHS: Readonly<Record<string, () => CpuEngine>> = {
  "CPU engine": () => new CpuEngine(undefined, loadKernels, "kernels"),
  "CPU engine, attention as WebAssembly": () => new CpuEngine(undefined, () => ({ build: loadWasm() }), "kernels"),
  "CPU engine, full attention on onnxruntime": () => new CpuEngine(undefined, loadKernels, "fused"),
};

for (const [name, create] of Object.entries(PATHS)) {
  describeEngine(name, () => Promise.resolve(create()), { tolerance: 1e-4 });
}
describeObserversAndSwaps("CPU engine", () => Promise.resolve(new CpuEngine()), { tolerance: 1e-4 });
