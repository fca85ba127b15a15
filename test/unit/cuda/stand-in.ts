import type { CudaDriver } from "../../../src/engine/cuda/driver.ts";

/** A card as a stand-in for the driver lists it. */
export interface Card {
  readonly name: string;
  readonly capability: number;
}

/** What the driver answers to single calls in place of success. */
export type Answers = Readonly<Partial<Record<keyof CudaDriver, number>>>;

/** A driver without a device behind it: it lists cards, gives addresses that nobody reads, and notes what it was asked. */
export function standIn(
  cards: readonly Card[],
  version = 13_000,
  answers: Answers = {},
): { driver: CudaDriver; calls: string[] } {
  const calls: string[] = [];
  let next = 0x7f0000000000n;
  const put = (into: unknown, value: number | bigint): void => {
    if (into instanceof BigUint64Array) into[0] = BigInt(value);
    else (into as Int32Array)[0] = Number(value);
  };
  const known: Partial<Record<keyof CudaDriver, (...values: readonly never[]) => void>> = {
    cuDriverGetVersion: (into: never) => put(into, version),
    cuDeviceGetCount: (into: never) => put(into, cards.length),
    cuDeviceGet: (into: never, index: never) => put(into, index),
    cuDeviceGetName: (into: never, _: never, index: never) => {
      new TextEncoder().encodeInto(cards[index]!.name, into);
    },
    cuDeviceGetAttribute: (into: never, which: never, index: never) => {
      const { capability } = cards[index]!;
      const values: Record<number, number> = {
        75: Math.floor(capability / 10),
        76: capability % 10,
        16: 132,
        38: 50 << 20,
      };
      put(into, values[which] ?? 0);
    },
    cuDevicePrimaryCtxRetain: (into: never) => put(into, 1),
    cuModuleLoadData: (into: never) => put(into, 2),
    cuModuleGetFunction: (into: never) => put(into, 3),
    cuEventCreate: (into: never) => put(into, 4),
    cuMemAlloc_v2: (into: never, bytes: never) => {
      put(into, next);
      next += BigInt(bytes) + 256n;
    },
    cuMemGetInfo_v2: (free: never, total: never) => {
      put(free, 1 << 30);
      put(total, 1 << 30);
    },
  };
  const words = (count: number): ReturnType<CudaDriver["words"]> => {
    const view = new BigUint64Array(count);
    return { view, address: 0x1000n, pointer: view };
  };
  const driver = new Proxy({ words } as unknown as CudaDriver, {
    get: (target, name: keyof CudaDriver) =>
      name === "words"
        ? target.words
        : (...values: readonly never[]): number => {
            calls.push(name);
            const answer = answers[name] ?? 0;
            if (answer === 0) known[name]?.(...values);
            return answer;
          },
  });
  return { driver, calls };
}
