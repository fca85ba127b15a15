import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { packageFile, packageRoot } from "../model/package-root.ts";
import { hashOf, stampSchema, type Stamp } from "./attention-kernels.ts";

/** Where the built kernels lie, committed: whoever clones the repository needs no compiler. */
export const BUILT_CUDA = "kernels/built-cuda";

const NVCC = "nvcc";
const MAIN = "kernels/cuda/kernels.cu";
const FILE = "sm_90a.cubin";
const FLAGS = ["-O3", "-std=c++17", "-gencode=arch=compute_90a,code=sm_90a", "-Werror=all-warnings"];

/** What the committed file was built from. */
export function committedCudaStamp(): Stamp {
  return stampSchema.parse(JSON.parse(readFileSync(packageFile(`${BUILT_CUDA}/stamp.json`), "utf8")));
}

/** SHA-256 of every CUDA source under kernels/ and of this script, each with its path. */
export function cudaSourcesHash(): string {
  const sources = readdirSync(packageFile("kernels"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.cuh?$/.test(entry.name))
    .map((entry) => relative(packageRoot(), join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
  const hash = createHash("sha256");
  for (const file of [...sources.sort(), "src/build/cuda-kernels.ts"]) {
    hash.update(`${file}\n${readFileSync(packageFile(file), "utf8").replaceAll("\r\n", "\n")}\n`);
  }
  return hash.digest("hex");
}

/** The compiler's version, undefined where it is not installed. */
export function nvccVersion(): string | undefined {
  try {
    const text = execFileSync(NVCC, ["--version"], { encoding: "utf8" });
    return `nvcc ${/release [\d.]+, V([\d.]+)/.exec(text)?.[1] ?? "?"}`;
  } catch {
    return undefined;
  }
}

/**
 * Builds into `folder`, which is made where it is missing, and says what of.
 * @throws Error when the compiler is missing or refuses the source
 */
export function buildCudaKernels(folder: string): Stamp {
  const compiler = nvccVersion();
  if (compiler === undefined) throw new Error(`${NVCC} is not installed: it comes with the CUDA toolkit, 13.0`);
  mkdirSync(folder, { recursive: true });
  const out = join(folder, FILE);
  execFileSync(NVCC, [...FLAGS, "-cubin", "-o", out, MAIN], { cwd: packageRoot(), stdio: "inherit" });
  return { sources: cudaSourcesHash(), compiler, files: { [FILE]: hashOf(out) } };
}

/** Builds the committed file anew. */
export function rebuildCuda(): void {
  const folder = packageFile(BUILT_CUDA);
  const stamp = buildCudaKernels(folder);
  writeFileSync(join(folder, "stamp.json"), `${JSON.stringify(stamp, undefined, 2)}\n`);
}
