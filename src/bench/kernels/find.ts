import { existsSync, readdirSync } from "node:fs";
import type { GpuBenchCase, GpuCheck } from "../../../kernels/gpu-check.ts";

const KERNELS = new URL("../../../kernels/", import.meta.url);

async function collect<T>(file: string, member: string, wanted: readonly string[]): Promise<T[]> {
  const ops = readdirSync(KERNELS).filter((op) => existsSync(new URL(`${op}/${file}`, KERNELS)));
  const strangers = wanted.filter((op) => !ops.includes(op));
  if (strangers.length > 0) throw new Error(`no ${file} for ${strangers.join(", ")}; available: ${ops.join(", ")}`);
  const found: T[] = [];
  for (const op of ops.filter((name) => wanted.length === 0 || wanted.includes(name))) {
    const module = (await import(new URL(`${op}/${file}`, KERNELS).href)) as Record<string, readonly T[] | undefined>;
    const list = module[member];
    if (list === undefined) throw new Error(`kernels/${op}/${file} exports no ${member}`);
    found.push(...list);
  }
  return found;
}

/** The checks of the ops named, or of all, in every form: `checks` of the files kernels/<op>/gpu-checks.ts. */
export function findChecks(ops: readonly string[] = []): Promise<GpuCheck[]> {
  return collect("gpu-checks.ts", "checks", ops);
}

/** The benchmark cases of the ops named, or of all, in every form: `benches` of the files kernels/<op>/gpu-benches.ts. */
export function findBenches(ops: readonly string[] = []): Promise<GpuBenchCase[]> {
  return collect("gpu-benches.ts", "benches", ops);
}
