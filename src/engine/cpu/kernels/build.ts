import type { Call } from "./call.ts";

/** Where kernels read and write: memory that all the pool's threads see. */
export interface KernelMemory {
  /** `count` zeros. */
  floats(count: number): Float32Array;
  /** Gives back what `floats` gave. */
  release(array: Float32Array): void;
}

/** A prepared call. */
export interface Prepared {
  readonly units: number;
  /** Takes up to `most` units on this thread and returns how many it took. */
  work(most: number): number;
  /** Leaves no unit to be taken. */
  stop(): void;
  /** After all units are done. */
  finish(): void;
}

/** One of the two builds of the kernels, loaded. */
export interface KernelBuild extends KernelMemory {
  readonly kind: "native" | "wasm";
  /** For the report, e.g. "native AVX-512". */
  readonly name: string;
  /** What a helper thread needs, as `workerData` of helper.ts. */
  helperData(index: number): Readonly<Record<string, unknown>>;
  /** Writes into `control` what helpers need for this call. */
  prepare(call: Call, threads: number, control: Int32Array): Prepared;
  dispose(): void;
}
