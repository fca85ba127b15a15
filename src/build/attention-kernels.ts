import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { z } from "zod";
import { packageFile, packageRoot } from "../model/package-root.ts";

/** Where the built kernels lie, committed: whoever clones the repository needs no compiler. */
export const BUILT = "kernels/built";

/** Debian's names; they are the compiler that the committed files come from. */
const CLANG = "clang-19";
const LINKERS = { elf: "ld.lld-19", darwin: "ld64.lld-19", windows: "lld-link-19", wasm: "wasm-ld-19" } as const;

const MAIN = "kernels/attention/kernels.c";
const ISA = "kernels/attention/isa.c";

/** Nothing of a C library and no sums contracted but where the source says so: the same bits from every compiler run. */
const FLAGS = [
  ...["-O3", "-std=c11", "-ffreestanding", "-fno-builtin", "-fno-strict-aliasing", "-ffp-contract=off"],
  ...["-fno-stack-protector", "-fomit-frame-pointer", "-fno-ident", "-g0", "-Wall", "-Wextra", "-Werror"],
  ...["-Wno-unused-function"],
];

interface Part {
  readonly source: string;
  readonly flags: readonly string[];
}

interface Build {
  readonly file: string;
  readonly target: string;
  readonly flags: readonly string[];
  readonly parts: readonly Part[];
  readonly link: (objects: readonly string[], out: string) => readonly [linker: string, args: readonly string[]];
}

const X64: readonly Part[] = [
  { source: MAIN, flags: ["-march=x86-64-v3", "-DISA=_avx2"] },
  { source: MAIN, flags: ["-march=x86-64-v4", "-mprefer-vector-width=512", "-DISA=_avx512"] },
  { source: ISA, flags: [] },
];
const ARM64: readonly Part[] = [{ source: MAIN, flags: ["-DISA="] }];

const elf = (arch: string, target: string, parts: readonly Part[]): Build => ({
  file: `linux-${arch}.so`,
  target,
  flags: ["-fPIC", "-fvisibility=hidden", ...(arch === "arm64" ? ["-mno-outline-atomics"] : [])],
  parts,
  link: (objects, out) => [
    LINKERS.elf,
    [
      "-shared",
      "-z",
      "defs",
      "-z",
      "noexecstack",
      "-Bsymbolic",
      "--strip-all",
      "--build-id=none",
      "-o",
      out,
      ...objects,
    ],
  ],
});

const windows = (arch: string, machine: string, target: string, parts: readonly Part[]): Build => ({
  file: `win32-${arch}.dll`,
  target,
  flags: ["-mno-stack-arg-probe"],
  parts,
  link: (objects, out) => [
    LINKERS.windows,
    ["/dll", "/noentry", "/nodefaultlib", "/noimplib", "/Brepro", `/machine:${machine}`, `/out:${out}`, ...objects],
  ],
});

const wasm = (file: string, features: readonly string[]): Build => ({
  file,
  target: "wasm32-unknown-unknown",
  flags: ["-msimd128", "-matomics", "-mbulk-memory", ...features, "-mllvm", "-disable-lsr"],
  parts: [{ source: MAIN, flags: ["-DISA="] }],
  link: (objects, out) => [
    LINKERS.wasm,
    [
      ...["--no-entry", "--import-memory", "--shared-memory", "--initial-memory=1114112", "--max-memory=4294901760"],
      ...["-z", "stack-size=65536", "--export=__stack_pointer", "--strip-all", "-o", out, ...objects],
    ],
  ],
});

const BUILDS: readonly Build[] = [
  elf("x64", "x86_64-unknown-linux-gnu", X64),
  elf("arm64", "aarch64-unknown-linux-gnu", ARM64),
  {
    file: "darwin-arm64.dylib",
    target: "arm64-apple-macos11",
    flags: ["-fPIC", "-fvisibility=hidden"],
    parts: ARM64,
    link: (objects, out) => [
      LINKERS.darwin,
      [
        ...["-dylib", "-arch", "arm64", "-platform_version", "macos", "11.0", "11.0", "-undefined", "error"],
        ...["-install_name", "@rpath/darwin-arm64.dylib", "-adhoc_codesign", "-S", "-x", "-o", out, ...objects],
      ],
    ],
  },
  windows("x64", "x64", "x86_64-pc-windows-msvc", X64),
  windows("arm64", "arm64", "aarch64-pc-windows-msvc", ARM64),
  wasm("relaxed.wasm", ["-mrelaxed-simd", "-DRELAXED"]),
  wasm("plain.wasm", []),
];

export const stampSchema = z.strictObject({
  /** Of the sources and this script, by name. */
  sources: z.string(),
  compiler: z.string(),
  /** Each built file. */
  files: z.record(z.string(), z.string()),
});
export type Stamp = z.infer<typeof stampSchema>;

/** What the committed files were built from. */
export function committedStamp(): Stamp {
  return stampSchema.parse(JSON.parse(readFileSync(packageFile(`${BUILT}/stamp.json`), "utf8")));
}

/** SHA-256 of every C source under kernels/ and of this script, each with its path. */
export function sourcesHash(): string {
  const sources = readdirSync(packageFile("kernels"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[ch]$/.test(entry.name))
    .map((entry) => relative(packageRoot(), join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
  const hash = createHash("sha256");
  for (const file of [...sources.sort(), "src/build/attention-kernels.ts"]) {
    hash.update(`${file}\n${readFileSync(packageFile(file), "utf8").replaceAll("\r\n", "\n")}\n`);
  }
  return hash.digest("hex");
}

/** The compiler's name and version, undefined where it is not installed. */
export function compilerVersion(): string | undefined {
  try {
    return execFileSync(CLANG, ["--version"], { encoding: "utf8" }).split("\n")[0]?.trim();
  } catch {
    return undefined;
  }
}

/**
 * Builds every file into `folder`, which is made where it is missing, and says what of.
 * @throws Error when the compiler or a linker is missing or refuses the source
 */
export function buildAttentionKernels(folder: string): Stamp {
  const compiler = compilerVersion();
  if (compiler === undefined) throw new Error(`${CLANG} is not installed: apt-get install clang-19 lld-19`);
  mkdirSync(folder, { recursive: true });
  const objects = mkdtempSync(join(tmpdir(), "hysparse-kernels-"));
  const files: Record<string, string> = {};
  for (const { file, target, flags, parts, link } of BUILDS) {
    const made = parts.map(({ source, flags: own }, i) => {
      const object = join(objects, `${file}.${i}.o`);
      const args = [`--target=${target}`, ...FLAGS, ...flags, ...own, "-c", source, "-o", object];
      execFileSync(CLANG, args, { cwd: packageRoot(), stdio: "inherit" });
      return object;
    });
    const out = join(folder, file);
    const [linker, args] = link(made, out);
    execFileSync(linker, args, { cwd: packageRoot(), stdio: "inherit" });
    files[file] = hashOf(out);
  }
  rmSync(objects, { recursive: true });
  return { sources: sourcesHash(), compiler, files };
}

/** SHA-256 of a file. */
export function hashOf(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** Builds the committed files anew. */
export function rebuild(): void {
  const folder = packageFile(BUILT);
  if (existsSync(folder)) rmSync(folder, { recursive: true });
  const stamp = buildAttentionKernels(folder);
  writeFileSync(join(folder, "stamp.json"), `${JSON.stringify(stamp, undefined, 2)}\n`);
}
