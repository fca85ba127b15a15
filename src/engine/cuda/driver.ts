import { createRequire } from "node:module";
import { UserError, messageOf } from "../../model/errors.ts";

/** Where the driver's library is, by platform; elsewhere there is none. */
const LIBRARIES: Readonly<Record<string, string>> = { linux: "libcuda.so.1", win32: "nvcuda.dll" };

/** The functions that the engine calls, with their parameters in C. Handles and device addresses are 64-bit numbers. */
const FUNCTIONS = {
  cuInit: "uint32_t flags",
  cuDriverGetVersion: "void *version",
  cuDeviceGetCount: "void *count",
  cuDeviceGet: "void *device, int ordinal",
  cuDeviceGetName: "void *name, int length, int device",
  cuDeviceGetAttribute: "void *value, int attribute, int device",
  cuDevicePrimaryCtxRetain: "void *context, int device",
  cuDevicePrimaryCtxRelease_v2: "int device",
  cuCtxSetCurrent: "uint64_t context",
  cuCtxSynchronize: "",
  cuMemGetInfo_v2: "void *free, void *total",
  cuMemAlloc_v2: "void *address, uint64_t bytes",
  cuMemFree_v2: "uint64_t address",
  cuMemcpyHtoD_v2: "uint64_t to, void *from, uint64_t bytes",
  cuMemcpyDtoH_v2: "void *to, uint64_t from, uint64_t bytes",
  cuMemcpyDtoDAsync_v2: "uint64_t to, uint64_t from, uint64_t bytes, uint64_t stream",
  cuMemsetD8Async: "uint64_t to, uint8_t value, uint64_t bytes, uint64_t stream",
  cuModuleLoadData: "void *module, void *image",
  cuModuleUnload: "uint64_t module",
  cuModuleGetFunction: "void *function, uint64_t module, const char *name",
  cuFuncSetAttribute: "uint64_t function, int attribute, int value",
  cuLaunchKernel:
    "uint64_t function, uint32_t gridX, uint32_t gridY, uint32_t gridZ, uint32_t blockX, uint32_t blockY, uint32_t blockZ, " +
    "uint32_t sharedBytes, uint64_t stream, void *parameters, void *extra",
  cuTensorMapEncodeTiled:
    "uint64_t map, int type, uint32_t rank, uint64_t address, void *sizes, void *strides, void *box, void *steps, " +
    "int interleave, int swizzle, int promotion, int fill",
  cuEventCreate: "void *event, uint32_t flags",
  cuEventRecord: "uint64_t event, uint64_t stream",
  cuEventQuery: "uint64_t event",
  cuEventElapsedTime: "void *ms, uint64_t from, uint64_t to",
  cuEventDestroy_v2: "uint64_t event",
} as const;

type Argument = number | bigint | string | ArrayBufferView | object | null;

/** The driver: each function returns CUresult, 0 where all went well. */
export type CudaDriver = Readonly<Record<keyof typeof FUNCTIONS, (...values: readonly Argument[]) => number>> & {
  readonly words: (count: number) => DriverWords;
};

/** Memory outside JavaScript's, of 64-bit words: for what the driver reads by pointers. */
export interface DriverWords {
  readonly view: BigUint64Array;
  readonly address: bigint;
  /** As koffi hands it over. */
  readonly pointer: object;
}

/** CUresult by what it means for whoever runs a model. */
export const RESULT = { success: 0, outOfMemory: 2, noDevice: 100, notReady: 600 } as const;

const MEANINGS: Readonly<Record<number, string>> = {
  1: "a value that it does not take",
  2: "out of memory",
  3: "it was not initialised",
  4: "it is being shut down",
  46: "the device is busy or unavailable: another process holds it, or it is in a mode for one process alone",
  100: "no device",
  101: "no such device",
  200: "a kernel image that it does not take",
  209: "no kernel image for this device",
  218: "it could not compile a kernel",
  222: "a kernel image of a newer version than it knows",
  700: "a kernel reached outside its memory",
  701: "too many resources for a launch",
  702: "a kernel ran too long and was stopped",
  716: "a kernel reached memory at an odd address",
  719: "a kernel failed",
  802: "the system's interconnect is not ready yet: is NVIDIA's fabric manager running?",
  803: "the driver's library and its kernel module are of different versions: restart the machine",
  804: "a compatibility library that does not go with this device",
};

/** What the driver said, in words. */
export function meaningOf(result: number): string {
  return `${MEANINGS[result] ?? "an error"} (CUDA ${result})`;
}

/**
 * The driver's library of this machine, initialised. Undefined where there is none or it sees no device: then there is
 * nothing to run on.
 * @throws UserError when it is there and cannot be used
 */
export function loadDriver(): CudaDriver | undefined {
  const name = LIBRARIES[process.platform];
  if (name === undefined) return undefined;
  const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi");
  let library: import("koffi").IKoffiLib;
  try {
    library = koffi.load(name);
  } catch {
    return undefined;
  }
  const bound: Partial<Record<string, (...values: readonly Argument[]) => number>> = {};
  try {
    for (const [called, parameters] of Object.entries(FUNCTIONS)) {
      bound[called] = library.func(`int ${called}(${parameters === "" ? "void" : parameters})`);
    }
  } catch (error) {
    throw new UserError(
      `NVIDIA's driver (${name}) is too old for the cuda engine (${messageOf(error)}); update it, or use another engine`,
    );
  }
  const driver = {
    ...(bound as Omit<CudaDriver, "words">),
    words: (count: number) => {
      const pointer = koffi.alloc("uint64_t", count) as object;
      return { view: new BigUint64Array(koffi.view(pointer, 8 * count)), address: koffi.address(pointer), pointer };
    },
  };
  return initialised(driver, name) ? driver : undefined;
}

/** Whether a driver has something to run on. @throws UserError when it refuses to start */
export function initialised(driver: Pick<CudaDriver, "cuInit">, name: string): boolean {
  const result = driver.cuInit(0);
  if (result === RESULT.success) return true;
  if (result === RESULT.noDevice) return false;
  throw new UserError(`NVIDIA's driver (${name}) does not start: ${meaningOf(result)}`);
}
