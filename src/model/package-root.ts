import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Where files of ours are that are read by path: the same code runs from its sources and from bundles in dist/, where
 * nothing has the neighbours that it has in the source tree.
 */
const NAME = "hysparse-profiler";

const HERE = fileURLToPath(import.meta.url);

/** Bundles are JavaScript. */
const FROM_SOURCE = HERE.endsWith(".ts");

export interface Manifest {
  readonly name: string;
  readonly version: string;
}

let root: string | undefined;

/** The folder of our package.json, absolute. @throws Error when this code was taken out of its package */
export function packageRoot(): string {
  root ??= find(dirname(HERE));
  return root;
}

/** A file of the package by its path from the root, e.g. "kernels/half.wgsl". */
export function packageFile(path: string): string {
  return join(packageRoot(), path);
}

/** Name and version of the package. */
export function manifest(): Manifest {
  return read(packageFile("package.json"));
}

function read(file: string): Manifest {
  const content: unknown = JSON.parse(readFileSync(file, "utf8"));
  const field = (key: string): string => String(Object.entries(content ?? {}).find(([name]) => name === key)?.[1]);
  return { name: field("name"), version: field("version") };
}

/**
 * The file of a module that is run as a process of its own. The bundler puts these side by side.
 * @param source its source from the package's root, e.g. "src/profile/peak-memory-child.ts"
 */
export function processModule(source: string): string {
  return packageFile(FROM_SOURCE ? source : `dist/runtime/${basename(source, ".ts")}.js`);
}

function find(folder: string): string {
  const file = join(folder, "package.json");
  if (existsSync(file) && read(file).name === NAME) return folder;
  const above = dirname(folder);
  if (above === folder) throw new Error(`${HERE} is not inside the package ${NAME}`);
  return find(above);
}
