import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { messageOf } from "../../../model/errors.ts";
import { packageFile } from "../../../model/package-root.ts";
import type { KernelBuild, Prepared } from "./build.ts";
import { arraysOf, numbersOf, type Call } from "./call.ts";
import { CONTROL } from "./helper.ts";

const JOB_BYTES = 512;

const FILES: Readonly<Record<string, string>> = {
  "linux-x64": "linux-x64.so",
  "linux-arm64": "linux-arm64.so",
  "darwin-arm64": "darwin-arm64.dylib",
  "win32-x64": "win32-x64.dll",
  "win32-arm64": "win32-arm64.dll",
};

/** Ends of the exported names on x64, by what `isa` says, and how a report calls them. */
const X64 = [undefined, { suffix: "_avx2", name: "AVX2" }, { suffix: "_avx512", name: "AVX-512" }] as const;

type Pointer = ArrayBufferView | null;

export interface NativeOptions {
  /** 1: no more than AVX2, for comparisons. */
  readonly widest?: number;
  /** Another library than that of this platform. */
  readonly file?: string;
}

/** Why there is no native build here. */
export class NoNative extends Error {}

function ownFile(): string {
  const platform = `${process.platform}-${process.arch}`;
  const built = FILES[platform];
  if (built === undefined) throw new NoNative(`no library for ${platform}`);
  const file = packageFile(`kernels/built/${built}`);
  if (!existsSync(file)) throw new NoNative(`${file} is missing`);
  return file;
}

/**
 * The native library of this platform, through koffi. Kernels read and write any array where it lies: a job holds plain
 * addresses, so that helper threads need no shared memory for it, and nothing is copied under any version of Node.
 *
 * @throws NoNative with the reason: no file for this platform, a library that the system refuses, an old processor
 */
export function loadNative({ widest = 2, file = ownFile() }: NativeOptions = {}): KernelBuild {
  const require = createRequire(import.meta.url);
  let library: import("koffi").IKoffiLib;
  let path: string;
  try {
    path = require.resolve("koffi");
    library = (require("koffi") as typeof import("koffi")).load(file);
  } catch (error) {
    throw new NoNative(messageOf(error));
  }
  const isa = process.arch === "x64" ? X64[Math.min(widest, Number(library.func("int isa(void)")()))] : NEON;
  if (isa === undefined) throw new NoNative("this CPU has no AVX2");
  const { suffix } = isa;
  const named = (result: string, name: string, parameters: string): ((...values: unknown[]) => unknown) =>
    library.func(`${result} ${name}${suffix}(${parameters})`);
  const inputs = ["q", "k", "v", "own_k", "own_v", "list", "sinks", "gate", "out", "scores", "kept"];
  const prepare = named(
    "void",
    "prepare",
    `uint8_t *job, int *numbers, float scale, ${inputs.map((name) => `void *${name}`).join(", ")}`,
  );
  const scratchFloats = named("double", "scratch_floats", "uint8_t *job");
  const sharedFloats = named("double", "shared_floats", "uint8_t *job");
  const units = named("int", "units", "uint8_t *job");
  const share = named("void", "share", "uint8_t *job, float *partials");
  const work = named("int", "work", "uint8_t *job, float *scratch, int most");
  const stop = named("void", "stop", "uint8_t *job");
  const finish = named("void", "finish", "uint8_t *job, float *scratch");

  const memory = new SharedArrayBuffer(JOB_BYTES);
  const job = new Uint8Array(memory);
  let scratch = new Float32Array(0);
  let partials = new Float32Array(0);
  // The job holds bare addresses, which are good as long as somebody holds the arrays.
  let held: readonly Pointer[] = [];
  const grown = (held: Float32Array, size: unknown): Float32Array<ArrayBuffer> =>
    held.length < Number(size) ? new Float32Array(Number(size)) : (held as Float32Array<ArrayBuffer>);

  return {
    kind: "native",
    name: `native ${isa.name}`,
    floats: (count) => new Float32Array(count),
    release: () => undefined,
    helperData: () => ({ native: { koffi: path, file, suffix, job: memory } }),
    prepare: (call: Call, threads: number, control: Int32Array): Prepared => {
      held = arraysOf(call).map((array) => array ?? null);
      prepare(job, numbersOf(call, threads), call.scale, ...held);
      const floats = scratchFloats(job);
      scratch = grown(scratch, floats);
      control[CONTROL.scratchFloats] = Number(floats);
      partials = grown(partials, sharedFloats(job));
      share(job, partials);
      return {
        units: Number(units(job)),
        work: (most) => Number(work(job, scratch, most)),
        stop: () => void stop(job),
        finish: () => {
          finish(job, scratch);
          held = [];
        },
      };
    },
    dispose: () => {
      held = [];
      scratch = new Float32Array(0);
      partials = new Float32Array(0);
    },
  };
}

const NEON = { suffix: "", name: "NEON" } as const;
