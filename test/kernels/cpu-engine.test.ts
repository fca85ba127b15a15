import { describeEngine } from "./conformance.ts";
import { describeObserversAndSwaps } from "./observers-and-swaps.ts";
import { CpuEngine } from "../../src/engine/cpu/engine.ts";

describeEngine("CPU engine", () => Promise.resolve(new CpuEngine()), { tolerance: 1e-4 });
describeObserversAndSwaps("CPU engine", () => Promise.resolve(new CpuEngine()), { tolerance: 1e-4 });
