import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves, roundToHalf } from "../half.ts";
import type { KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import { cases } from "./cases.ts";
import type { EmbeddingInput } from "./embedding.ts";
import { embeddingGpu } from "./gpu.ts";
import { embedding } from "./reference.ts";

/** Widths in whole fours, those of the presets among them. */
const wide: readonly KernelCase<EmbeddingInput>[] = [4, 12, 252, 260, 384, 4096].flatMap((width) =>
  [1, 7, 65].map((rows) => ({
    name: `embedding C=${rows} E=${width} V=33`,
    inputs: (seed) => {
      const random = new Random(seed);
      const tokens = Uint32Array.from({ length: rows }, () => random.integer(33));
      tokens[0] = 32;
      return { tokens, table: random.normals(33 * width), width };
    },
  })),
);

export const checks: readonly GpuCheck[] = [...cases, ...wide].map(({ name, inputs }) => ({
  name,
  prepare: (seed, traits) => {
    const { tokens, table, width } = inputs(seed);
    if (width % 4 !== 0) return { skip: `E = ${width} is no multiple of 4` };
    const values = embedding({ tokens, table: roundToHalf(table), width });
    return checkOf({
      op: embeddingGpu({ hidden: width }, traits),
      run: { rows: tokens.length },
      buffers: { tokens, table: packHalves(table), x: { bytes: values.length * 4 } },
      expected: { x: { format: "f32", values, tolerance: 0, per: width } },
    });
  },
}));
