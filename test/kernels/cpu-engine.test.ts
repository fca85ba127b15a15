import { describeEngine } from "./conformance.ts";
import { describeObserversAndSwaps } from "./observers-and-swaps.ts";
import { CpuEngine } from "../../src/engine/cpu/engine.ts";
import { loadKernels } from "../../src/engine/cpu/kernels/load.ts";
import { loadWasm } from "../../src/engine/cpu/kernels/wasm.ts";

const KERNELS = {
  "CPU engine": loadKernels,
  "CPU engine, attention as WebAssembly": () => ({ build: loadWasm() }),
};

for (const [name, load] of Object.entries(KERNELS)) {
  const create = (): Promise<CpuEngine> => Promise.resolve(new CpuEngine(undefined, load));
  describeEngine(name, create, { tolerance: 1e-4 });
  describeObserversAndSwaps(name, create, { tolerance: 1e-4 });
}
