import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { UserError } from "../../../model/errors.ts";
import { packageFile } from "../../../model/package-root.ts";
import type { KernelBuild, Prepared } from "./build.ts";
import { arraysOf, numbersOf, writes, type Call } from "./call.ts";
import { CONTROL } from "./helper.ts";

const PAGE = 65_536;
const MOST_PAGES = 65_535;
const STACK = 65_536;
const JOB_BYTES = 512;
const NUMBERS_BYTES = 128;
const ALIGN = 64;

/** A function of one relaxed instruction. */
const RELAXED_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 20, 1, 18, 0, 65, 0, 253, 17, 65, 0, 253, 17],
  ...[65, 0, 253, 17, 253, 133, 2, 26, 11],
);

/** Whether this V8 compiles relaxed SIMD; Node 20 has it behind a flag, which Node 22 no longer knows. */
function relaxedHere(): boolean {
  if (WebAssembly.validate(RELAXED_PROBE)) return true;
  if (Number(process.versions.node.split(".")[0]) >= 22) return false;
  setFlagsFromString("--experimental-wasm-relaxed-simd");
  return WebAssembly.validate(RELAXED_PROBE);
}

interface Exports {
  readonly __stack_pointer: WebAssembly.Global;
  prepare(job: number, numbers: number, scale: number, ...arrays: number[]): void;
  scratch_floats(job: number): number;
  shared_floats(job: number): number;
  units(job: number): number;
  share(job: number, partials: number): void;
  work(job: number, scratch: number, most: number): number;
  stop(job: number): void;
  finish(job: number, scratch: number): void;
}

/**
 * The kernels as WebAssembly, for where no library can be loaded. They see nothing but their own memory of at most 4 GiB:
 * caches are allocated in it, everything else is copied in for a call and results out of it (about 1 % of a call).
 *
 * @param relaxed false: plain SIMD, for comparisons
 */
export function loadWasm(relaxed = relaxedHere()): KernelBuild {
  const memory = new WebAssembly.Memory({ initial: 32, maximum: MOST_PAGES, shared: true });
  const module = new WebAssembly.Module(
    readFileSync(packageFile(`kernels/built/${relaxed ? "relaxed" : "plain"}.wasm`)),
  );
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const run = instance.exports as unknown as Exports;
  const heap = new Heap(memory);
  const own = heap.take(STACK) + STACK;
  run.__stack_pointer.value = own;
  const job = heap.take(JOB_BYTES);
  const numbers = heap.take(NUMBERS_BYTES);
  /** Regions that grow and are used again by every call. */
  const regions = new Map<string, { at: number; bytes: number }>();
  const region = (name: string, bytes: number): number => {
    const held = regions.get(name);
    if (held !== undefined && held.bytes >= bytes) return held.at;
    if (held !== undefined) heap.give(held.at);
    regions.delete(name);
    const at = heap.take(bytes);
    regions.set(name, { at, bytes });
    return at;
  };
  /** A memory that grew has a new buffer; arrays over the old ones stay good. */
  const buffers = new WeakSet<ArrayBufferLike>();
  const inside = (array: ArrayBufferView): boolean => buffers.has(array.buffer);

  return {
    kind: "wasm",
    name: relaxed ? "WebAssembly (relaxed SIMD)" : "WebAssembly (plain SIMD)",
    floats: (count) => {
      const at = heap.take(4 * count);
      buffers.add(memory.buffer);
      return new Float32Array(memory.buffer, at, count).fill(0);
    },
    release: (array) => heap.give(array.byteOffset),
    helperData: () => ({ wasm: { module, memory, stack: heap.take(STACK) + STACK } }),
    prepare: (call: Call, threads: number, control: Int32Array): Prepared => {
      const arrays = arraysOf(call);
      const places = arrays.map((array, i) => {
        if (array === undefined) return 0;
        if (inside(array)) return array.byteOffset;
        return region(`array ${i}`, array.byteLength);
      });
      arrays.forEach((array, i) => {
        if (array === undefined || inside(array)) return;
        // What is only added to must be read first.
        if (writes(call, i) && call.add !== true) return;
        bytesAt(memory, places[i]!, array.byteLength).set(bytesOf(array));
      });
      new Int32Array(memory.buffer, numbers, NUMBERS_BYTES / 4).set(numbersOf(call, threads));
      run.prepare(job, numbers, call.scale, ...places);
      const floats = run.scratch_floats(job);
      for (let thread = 0; thread < threads; thread++) {
        control[CONTROL.scratch + thread] = region(`scratch ${thread}`, 4 * floats);
      }
      control[CONTROL.job] = job;
      const scratch = region("scratch 0", 4 * floats);
      run.share(job, region("partials", 4 * run.shared_floats(job)));
      return {
        units: run.units(job),
        work: (most) => run.work(job, scratch, most),
        stop: () => run.stop(job),
        finish: () => {
          run.finish(job, scratch);
          arrays.forEach((array, i) => {
            if (array === undefined || inside(array) || !writes(call, i)) return;
            bytesOf(array).set(bytesAt(memory, places[i]!, array.byteLength));
          });
        },
      };
    },
    dispose: () => regions.clear(),
  };
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function bytesAt(memory: WebAssembly.Memory, at: number, bytes: number): Uint8Array {
  return new Uint8Array(memory.buffer, at, bytes);
}

/** Pieces of a WebAssembly memory, first fit; neighbours that are free become one. */
class Heap {
  readonly #memory: WebAssembly.Memory;
  /** Free pieces in ascending order. */
  #free: { at: number; bytes: number }[];
  readonly #taken = new Map<number, number>();

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
    // Below lies what the module itself keeps: constants, and the stack of its linker, which nobody uses.
    const first = 2 * PAGE;
    this.#free = [{ at: first, bytes: memory.buffer.byteLength - first }];
  }

  /** @throws UserError when 4 GiB do not hold it */
  take(bytes: number): number {
    const need = Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
    let piece = this.#free.find((free) => free.bytes >= need);
    if (piece === undefined) {
      const end = this.#memory.buffer.byteLength;
      const pages = Math.ceil(need / PAGE);
      if (end / PAGE + pages > MOST_PAGES) {
        throw new UserError(
          "WebAssembly is limited to 4 GiB and this context needs more. Where the native kernels load (see the report) " +
            "there is no such limit.",
        );
      }
      this.#memory.grow(pages);
      this.#add(end, pages * PAGE);
      piece = this.#free.find((free) => free.bytes >= need)!;
    }
    const { at } = piece;
    piece.at += need;
    piece.bytes -= need;
    this.#free = this.#free.filter((free) => free.bytes > 0);
    this.#taken.set(at, need);
    return at;
  }

  give(at: number): void {
    const bytes = this.#taken.get(at);
    if (bytes === undefined) return;
    this.#taken.delete(at);
    this.#add(at, bytes);
  }

  #add(at: number, bytes: number): void {
    const all = [...this.#free, { at, bytes }].sort((a, b) => a.at - b.at);
    this.#free = [];
    for (const piece of all) {
      const last = this.#free.at(-1);
      if (last !== undefined && last.at + last.bytes === piece.at) last.bytes += piece.bytes;
      else this.#free.push(piece);
    }
  }
}
