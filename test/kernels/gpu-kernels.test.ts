import { describeKernels } from "./kernel-suite.ts";

await describeKernels("portable", () => ({ matrix: "none" }));
