import { readFileSync } from "node:fs";
import { packageFile } from "../../model/package-root.ts";
import { UserError } from "../../model/errors.ts";
import type { CudaBlock } from "./block.ts";
import type { CudaDevice } from "./devices.ts";
import { meaningOf, RESULT, type CudaDriver, type DriverWords } from "./driver.ts";
import { TensorMaps, type Tiles } from "./tensor-maps.ts";

/** The built kernels, from the package's root. */
export const CUBIN = "kernels/built-cuda/sm_90a.cubin";

/** CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, and what a block has without it. */
const SHARED_ATTRIBUTE = 8;
const SHARED_UNASKED = 48 * 1024;
/** Parameters of a kernel at most. */
const MOST_PARAMETERS = 24;
/** Everything runs on the default stream, one after the other. */
const STREAM = 0;

/** A kernel's parameter: an address or another 64-bit number, an int, a float, or tiles for the copy engine. */
export type Parameter = bigint | number | { readonly float: number } | { readonly tiles: Tiles };

export type Counts = readonly [x: number, y?: number, z?: number];

/** A launch: blocks, threads of a block, dynamic shared memory of a block in bytes. */
export interface Launch {
  readonly kernel: string;
  readonly blocks: Counts;
  readonly threads: number;
  readonly sharedBytes?: number;
  readonly parameters: readonly Parameter[];
}

/** The context that this thread works on now: CUcontext. */
let current: bigint | undefined;

/** One open card with the kernels on it. */
export class CudaContext {
  readonly device: CudaDevice;
  readonly #driver: CudaDriver;
  readonly #context: bigint;
  readonly #module: bigint;
  readonly #kernels = new Map<string, { readonly handle: bigint; sharedBytes: number }>();
  /** One 64-bit word for each parameter of a launch, and pointers to them. */
  readonly #values: DriverWords;
  readonly #pointers: DriverWords;
  readonly #maps: TensorMaps;
  #fault: UserError | undefined;

  /** @throws UserError when the card is busy, or does not take the kernels */
  constructor(driver: CudaDriver, device: CudaDevice) {
    this.device = device;
    this.#driver = driver;
    const context = new BigUint64Array(1);
    this.#require(driver.cuDevicePrimaryCtxRetain(context, device.handle), "cannot be opened");
    this.#context = context[0]!;
    const values = driver.words(MOST_PARAMETERS);
    const pointers = driver.words(MOST_PARAMETERS);
    [this.#values, this.#pointers] = [values, pointers];
    this.#maps = new TensorMaps(driver);
    const module = new BigUint64Array(1);
    this.#require(
      this.driver().cuModuleLoadData(module, readFileSync(packageFile(CUBIN))),
      "does not take the kernels",
    );
    this.#module = module[0]!;
  }

  /** The driver, with this context current. */
  driver(): CudaDriver {
    if (current !== this.#context) {
      this.#driver.cuCtxSetCurrent(this.#context);
      current = this.#context;
    }
    return this.#driver;
  }

  /** @throws UserError when the device failed: nothing more can be run on it by this process */
  assertSound(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  get failed(): boolean {
    return this.#fault !== undefined;
  }

  /** Free and all bytes of device memory. */
  memory(): { readonly free: number; readonly total: number } {
    const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
    this.#require(this.driver().cuMemGetInfo_v2(free, total), "does not tell its memory");
    return { free: Number(free[0]), total: Number(total[0]) };
  }

  launch({ kernel, blocks: [x, y = 1, z = 1], threads, sharedBytes = 0, parameters }: Launch): void {
    const { handle } = this.#kernel(kernel, sharedBytes);
    const words = this.#values.view;
    const ints = new Int32Array(words.buffer, words.byteOffset, 2 * words.length);
    const floats = new Float32Array(words.buffer, words.byteOffset, 2 * words.length);
    const driver = this.driver();
    let maps = 0;
    parameters.forEach((value, i) => {
      this.#pointers.view[i] = this.#values.address + BigInt(8 * i);
      if (typeof value === "bigint") words[i] = value;
      else if (typeof value === "number") ints[2 * i] = value;
      else if ("float" in value) floats[2 * i] = value.float;
      else {
        const map = this.#maps.address(maps++);
        this.#require(this.#maps.encode(map, value.tiles), `takes no tiles for ${kernel}`);
        this.#pointers.view[i] = map;
      }
    });
    this.#require(
      driver.cuLaunchKernel(handle, x, y, z, threads, 1, 1, sharedBytes, STREAM, this.#pointers.pointer, null),
      `refused to run ${kernel}`,
    );
  }

  upload(to: CudaBlock | bigint, values: ArrayBufferView): void {
    if (values.byteLength === 0) return;
    const address = typeof to === "bigint" ? to : to.address;
    this.#require(this.driver().cuMemcpyHtoD_v2(address, values, values.byteLength), "took no data");
  }

  /** Fills `into` once all before it is done. */
  download<T extends ArrayBufferView>(from: CudaBlock | bigint, into: T): T {
    if (into.byteLength === 0) return into;
    const address = typeof from === "bigint" ? from : from.address;
    this.#require(this.driver().cuMemcpyDtoH_v2(into, address, into.byteLength), "gave no data");
    return into;
  }

  copy(from: bigint, to: bigint, bytes: number): void {
    if (bytes === 0) return;
    this.#require(this.driver().cuMemcpyDtoDAsync_v2(to, from, bytes, STREAM), "copied no data");
  }

  zero(block: CudaBlock, bytes: number): void {
    this.#require(this.driver().cuMemsetD8Async(block.address, 0, bytes, STREAM), "cleared no data");
  }

  createEvent(): bigint {
    const event = new BigUint64Array(1);
    this.#require(this.driver().cuEventCreate(event, 0), "gave no event");
    return event[0]!;
  }

  record(event: bigint): void {
    this.#require(this.driver().cuEventRecord(event, STREAM), "recorded no event");
  }

  /** Whether the device has come past an event. */
  passed(event: bigint): boolean {
    const result = this.driver().cuEventQuery(event);
    if (result === RESULT.notReady) return false;
    this.#require(result, "failed");
    return true;
  }

  /** Milliseconds between two events that the device has passed. */
  elapsed(from: bigint, to: bigint): number {
    const ms = new Float32Array(1);
    this.#require(this.driver().cuEventElapsedTime(ms, from, to), "timed nothing");
    return ms[0]!;
  }

  destroyEvent(event: bigint): void {
    this.driver().cuEventDestroy_v2(event);
  }

  /** Waits, holding the thread, until all is done. */
  finish(): void {
    this.#require(this.driver().cuCtxSynchronize(), "failed");
  }

  close(): void {
    const driver = this.driver();
    driver.cuModuleUnload(this.#module);
    current = undefined;
    driver.cuCtxSetCurrent(0n);
    driver.cuDevicePrimaryCtxRelease_v2(this.device.handle);
  }

  #kernel(name: string, sharedBytes: number): { readonly handle: bigint } {
    let known = this.#kernels.get(name);
    if (known === undefined) {
      const handle = new BigUint64Array(1);
      this.#require(this.driver().cuModuleGetFunction(handle, this.#module, name), `has no kernel ${name}`);
      known = { handle: handle[0]!, sharedBytes: SHARED_UNASKED };
      this.#kernels.set(name, known);
    }
    if (sharedBytes > known.sharedBytes) {
      const result = this.driver().cuFuncSetAttribute(known.handle, SHARED_ATTRIBUTE, sharedBytes);
      this.#require(result, `has no ${sharedBytes} bytes of shared memory for ${name}`);
      known.sharedBytes = sharedBytes;
    }
    return known;
  }

  /** An error of the device is for good: the driver repeats it until the process ends. */
  #require(result: number, what: string): void {
    if (result === RESULT.success) return;
    const error = new UserError(`the GPU ${this.device.name} ${what}: ${meaningOf(result)}`);
    if (result >= 700 && result < 800) this.#fault ??= error;
    throw this.#fault ?? error;
  }
}
