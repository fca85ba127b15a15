import { readFileSync } from "node:fs";
import type { DeviceTraits, GpuProgram } from "../../../kernels/gpu-op.ts";
import { packageFile } from "../../model/package-root.ts";

const files = new Map<string, string>();

function source(path: string): string {
  let text = files.get(path);
  if (text === undefined) {
    text = readFileSync(packageFile(`kernels/${path}`), "utf8");
    files.set(path, text);
  }
  return text;
}

/**
 * The module of a program: the device's arithmetic, the program's constants, then its files as they are. WGSL allows
 * declarations in any order, so nothing has to be woven in; only directives must stand first.
 */
export function shaderSource(program: GpuProgram, { arithmetic }: Pick<DeviceTraits, "arithmetic">): string {
  const constants = Object.entries(program.constants).map(([name, value]) =>
    typeof value === "boolean"
      ? `const ${name}: bool = ${String(value)};`
      : Number.isInteger(value)
        ? `const ${name}: u32 = ${value}u;`
        : `const ${name}: f32 = ${value};`,
  );
  const sources = program.sources.map(source);
  return [...(program.directives ?? []), source(`arithmetic/${arithmetic}.wgsl`), ...constants, ...sources].join("\n");
}
