import { CpuEngine } from "../../src/engine/cpu/engine.ts";
import { describeAgainstTraining } from "./against-training.ts";

describeAgainstTraining("CPU engine", () => Promise.resolve(new CpuEngine()), { logits: 2e-3, sureGap: 1e-3 });
