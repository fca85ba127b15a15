import type { NativePackage } from "./row.ts";

/** What calls C from JavaScript: the CPU engine's kernels, and the CUDA driver. */
export const KOFFI: NativePackage = {
  name: "koffi",
  title: "koffi",
  files: ({ system, arch }) => ["index.js", { under: `build/koffi/${system}_${arch}`, name: /\.node$/ }],
};
