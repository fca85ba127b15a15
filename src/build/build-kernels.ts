import { rebuild } from "./attention-kernels.ts";

/** `npm run build:kernels`: compiles the attention kernels of the CPU engine for all platforms into kernels/built. */
rebuild();
