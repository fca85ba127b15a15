import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { ENGINES } from "../engine/registry.ts";
import type { EngineRow, NativePackage, Platform, Taken } from "../engine/row.ts";
import { packageFile, packageRoot } from "../model/package-root.ts";

const PACKAGES = "node_modules";

/** The packages with native code that engines need, each once: bundles leave them out. */
export function nativePackages(rows: readonly EngineRow[] = ENGINES): NativePackage[] {
  return [...new Set(rows.flatMap(({ natives }) => natives))];
}

/** Where a package is, from the root. */
export function packageFolder({ name }: NativePackage): string {
  return `${PACKAGES}/${name}`;
}

/** The files of the packages with native code for a platform, by their path from the package's root. */
export function nativeFiles(platform: Platform, rows: readonly EngineRow[] = ENGINES): string[] {
  return nativePackages(rows).flatMap((native) => {
    const files = native.files(platform).flatMap((taken) => filesOf(packageFolder(native), taken));
    return files.length === 0 ? [] : [`${packageFolder(native)}/package.json`, ...files];
  });
}

/** The files of ours that engines read by path on a platform. */
export function engineFiles(platform: Platform, rows: readonly EngineRow[] = ENGINES): string[] {
  return rows.flatMap(({ files }) => files(platform).flatMap((taken) => filesOf(".", taken)));
}

/**
 * What `taken` means in a folder, by path from the package's root.
 * @throws Error where there is no such file: a package without it would not work
 */
export function filesOf(folder: string, taken: Taken): string[] {
  const path = (file: string): string => relative(packageRoot(), file).replaceAll("\\", "/");
  if (typeof taken === "string") {
    const file = packageFile(join(folder, taken));
    if (!existsSync(file)) throw new Error(`${path(file)} is missing`);
    return [path(file)];
  }
  return readdirSync(packageFile(join(folder, taken.under)), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && taken.name.test(entry.name))
    .map((entry) => path(join(entry.parentPath, entry.name)));
}
