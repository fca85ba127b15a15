/** The platforms that a package can be made for, by VS Code's names, and what native code each needs. */
export interface Target {
  /** Files of onnxruntime-node's folder bin/napi-v6. What they load must be beside them. */
  readonly onnxruntime: readonly string[];
  /** Folder under webgpu's dist, taken whole. */
  readonly webgpu: string;
}

const BINDING = "onnxruntime_binding.node";

/**
 * Of onnxruntime's files those that its binding links to. Not taken: on Windows the shader compiler (dxcompiler, dxil) of
 * a provider that we do not use; on macOS a second copy of the library under its long name. DirectML is linked lazily.
 */
export const TARGETS: Readonly<Record<string, Target>> = {
  "linux-x64": unix("linux/x64", "libonnxruntime.so.1", "linux-x64"),
  "linux-arm64": unix("linux/arm64", "libonnxruntime.so.1", "linux-arm64"),
  "darwin-arm64": unix("darwin/arm64", "libonnxruntime.1.dylib", "darwin-universal"),
  "win32-x64": windows("x64"),
  "win32-arm64": windows("arm64"),
};

function unix(folder: string, library: string, webgpu: string): Target {
  return { onnxruntime: [`${folder}/${BINDING}`, `${folder}/${library}`], webgpu };
}

function windows(arch: string): Target {
  const files = [BINDING, "onnxruntime.dll", "DirectML.dll"];
  return { onnxruntime: files.map((file) => `win32/${arch}/${file}`), webgpu: `win32-${arch}` };
}

/** @throws Error naming the targets there are; onnxruntime has no files for Intel Macs and none for musl (Alpine) */
export function targetCalled(name: string): Target {
  const target = TARGETS[name];
  if (target === undefined) {
    throw new Error(`no package can be made for ${name}; there are: ${Object.keys(TARGETS).join(", ")}`);
  }
  return target;
}
