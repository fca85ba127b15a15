import { aroundEdge, type KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { SwigluInput } from "./swiglu.ts";

/** Lengths around a workgroup of 256; gates so far out that exp overflows 32 bits on one side. */
const sizes = aroundEdge(256).flatMap((values) => [1, 100].map((scale) => ({ values, scale })));

export const cases: readonly KernelCase<SwigluInput>[] = sizes.map(({ values, scale }) => ({
  name: `swiglu values=${values} scale=${scale}`,
  inputs: (seed) => {
    const random = new Random(seed);
    return { gate: random.normals(values, scale), up: random.normals(values) };
  },
}));
