import { describeKernels } from "./kernel-suite.ts";

// On the real units where there are some; software Vulkan has none, so there the tiles are emulated.
await describeKernels("matrix", (software) => (software ? { matrix: "emulated" } : {}));
