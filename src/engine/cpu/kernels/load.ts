import type { KernelBuild } from "./build.ts";
import { loadNative, NoNative } from "./native.ts";
import { loadWasm } from "./wasm.ts";

/** Which build of the attention kernels runs here. */
export interface LoadedKernels {
  readonly build: KernelBuild;
  /** Why it is not the native one. */
  readonly why?: string;
}

/** The native library, or where the system does not load it (noexec, another libc, quarantine) WebAssembly, and why. */
export function loadKernels(native: () => KernelBuild = loadNative): LoadedKernels {
  try {
    return { build: native() };
  } catch (error) {
    if (!(error instanceof NoNative)) throw error;
    return { build: loadWasm(), why: error.message };
  }
}
