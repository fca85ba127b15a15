/** The platforms that a package can be made for, by VS Code's names, and what native code each needs. */
export interface Target {
  /** Files of onnxruntime-node's folder bin/napi-v6. What they load must be beside them. */
  readonly onnxruntime: readonly string[];
  /** Folder under webgpu's dist, taken whole. */
  readonly webgpu: string;
  /** Folder under koffi's build/koffi, taken whole. */
  readonly koffi: string;
  /** Our attention kernels for it, in kernels/built. */
  readonly kernels: string;
}

const BINDING = "onnxruntime_binding.node";

/**
 * Of onnxruntime's files those that its binding links to. Not taken: on Windows the shader compiler (dxcompiler, dxil) of
 * a provider that we do not use; on macOS a second copy of the library under its long name. DirectML is linked lazily.
 */
export const TARGETS: Readonly<Record<string, Target>> = {
  "linux-x64": unix("linux", "x64", "libonnxruntime.so.1", "linux-x64", "so"),
  "linux-arm64": unix("linux", "arm64", "libonnxruntime.so.1", "linux-arm64", "so"),
  "darwin-arm64": unix("darwin", "arm64", "libonnxruntime.1.dylib", "darwin-universal", "dylib"),
  "win32-x64": windows("x64"),
  "win32-arm64": windows("arm64"),
};

function unix(system: string, arch: string, library: string, webgpu: string, extension: string): Target {
  return {
    onnxruntime: [BINDING, library].map((file) => `${system}/${arch}/${file}`),
    webgpu,
    koffi: `${system}_${arch}`,
    kernels: `${system}-${arch}.${extension}`,
  };
}

function windows(arch: string): Target {
  return {
    onnxruntime: [BINDING, "onnxruntime.dll", "DirectML.dll"].map((file) => `win32/${arch}/${file}`),
    webgpu: `win32-${arch}`,
    koffi: `win32_${arch}`,
    kernels: `win32-${arch}.dll`,
  };
}

/** @throws Error naming the targets there are; onnxruntime has no files for Intel Macs and none for musl (Alpine) */
export function targetCalled(name: string): Target {
  const target = TARGETS[name];
  if (target === undefined) {
    throw new Error(`no package can be made for ${name}; there are: ${Object.keys(TARGETS).join(", ")}`);
  }
  return target;
}
