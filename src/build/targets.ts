import type { Platform } from "../engine/row.ts";

/**
 * The platforms that a package can be made for, by VS Code's names. The CPU engine has to run on each: onnxruntime has no
 * files for Intel Macs, and none for musl (Alpine).
 */
export const TARGETS = ["linux-x64", "linux-arm64", "darwin-arm64", "win32-x64", "win32-arm64"] as const;

/** @throws Error naming the targets there are */
export function targetCalled(name: string): Platform {
  const target = TARGETS.find((known) => known === name);
  if (target === undefined) throw new Error(`no package can be made for ${name}; there are: ${TARGETS.join(", ")}`);
  const [system = "", arch = ""] = target.split("-");
  return { system, arch };
}
