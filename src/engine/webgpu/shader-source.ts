import { readFileSync } from "node:fs";
import type { DeviceTraits, GpuDispatch, GpuProgram } from "../../../kernels/gpu-op.ts";
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

/** Bytes of a parameter: scalars of 32 bits, which WGSL lays out one behind the other. */
const PARAM = 4;

/** `struct Params` and the uniform that holds it, as `packParams` fills it; nothing for a program without parameters. */
function paramsSource(params: GpuProgram["params"]): string[] {
  const fields = Object.entries(params).map(([name, type]) => `${name}: ${type}`);
  if (fields.length === 0) return [];
  return [`struct Params { ${fields.join(", ")} }`, "@group(0) @binding(0) var<uniform> params: Params;"];
}

/**
 * Writes a dispatch's parameters as the program declares them.
 * @throws Error when one is missing
 */
export function packParams(program: GpuProgram, values: GpuDispatch["params"], view: DataView): void {
  Object.entries(program.params).forEach(([name, type], i) => {
    const value = values[name];
    if (value === undefined) throw new Error(`${program.name} was given no ${name}`);
    if (type === "u32") view.setUint32(i * PARAM, value, true);
    else view.setFloat32(i * PARAM, value, true);
  });
}

/**
 * The module of a program: the device's arithmetic, the program's constants, aliases and parameters, then its files as they
 * are. WGSL allows declarations in any order, so nothing has to be woven in; only directives must stand first.
 */
export function shaderSource(program: GpuProgram, { arithmetic }: Pick<DeviceTraits, "arithmetic">): string {
  const constants = Object.entries(program.constants).map(([name, value]) =>
    typeof value === "boolean"
      ? `const ${name}: bool = ${String(value)};`
      : Number.isInteger(value)
        ? `const ${name}: u32 = ${value}u;`
        : `const ${name}: f32 = ${value};`,
  );
  const aliases = Object.entries(program.aliases ?? {}).map(([name, type]) => `alias ${name} = ${type};`);
  return [
    ...(program.directives ?? []),
    source(`arithmetic/${arithmetic}.wgsl`),
    ...constants,
    ...aliases,
    ...paramsSource(program.params),
    ...program.sources.map(source),
  ].join("\n");
}
