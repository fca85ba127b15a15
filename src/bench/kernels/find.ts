import { readdirSync } from "node:fs";
import type { GpuBenchCase, GpuCheck } from "../../../kernels/gpu-check.ts";

const KERNELS = new URL("../../../kernels/", import.meta.url);

/** Kernels that run anywhere, and those made for matrix units: files that begin with "matrix-". */
export type Form = "portable" | "matrix";

async function collect<T>(ending: string, member: string, wanted: readonly string[], form?: Form): Promise<T[]> {
  const files = new Map(
    readdirSync(KERNELS, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(
        ({ name }) =>
          [
            name,
            readdirSync(new URL(name, KERNELS)).filter(
              (one) =>
                one.endsWith(ending) && (form === undefined || one.startsWith("matrix-") === (form === "matrix")),
            ),
          ] as const,
      )
      .filter(([, found]) => found.length > 0),
  );
  const ops = [...files.keys()];
  const strangers = wanted.filter((op) => !ops.includes(op));
  if (strangers.length > 0)
    throw new Error(`there is no ${ending} for ${strangers.join(", ")}; there are: ${ops.join(", ")}`);
  const found: T[] = [];
  for (const op of ops.filter((name) => wanted.length === 0 || wanted.includes(name))) {
    for (const file of files.get(op) ?? []) {
      const module = (await import(new URL(`${op}/${file}`, KERNELS).href)) as Record<string, readonly T[] | undefined>;
      const list = module[member];
      if (list === undefined) throw new Error(`kernels/${op}/${file} exports no ${member}`);
      found.push(...list);
    }
  }
  return found;
}

/** The checks of the ops named, or of all: `checks` of the files kernels/<op>/*gpu-checks.ts. */
export function findChecks(ops: readonly string[] = [], form?: Form): Promise<GpuCheck[]> {
  return collect("gpu-checks.ts", "checks", ops, form);
}

/** The benchmark cases of the ops named, or of all: `benches` of the files kernels/<op>/*gpu-benches.ts. */
export function findBenches(ops: readonly string[] = []): Promise<GpuBenchCase[]> {
  return collect("gpu-benches.ts", "benches", ops);
}
