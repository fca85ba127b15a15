import { rebuildCuda } from "./cuda-kernels.ts";

/** `npm run build:cuda-kernels`: compiles the kernels of the CUDA engine into kernels/built-cuda. */
rebuildCuda();
