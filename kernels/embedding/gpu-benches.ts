import { benchOf, type GpuBenchCase } from "../gpu-check.ts";
import { Random } from "../random.ts";
import { embeddingGpu } from "./gpu.ts";

const sizes = [
  { model: "7B", hidden: 4096, vocabulary: 32_000, rows: 2048 },
  { model: "7B", hidden: 4096, vocabulary: 32_000, rows: 1 },
  { model: "embedded", hidden: 384, vocabulary: 12_288, rows: 2048 },
];

export const benches: readonly GpuBenchCase[] = sizes.map(({ model, hidden, vocabulary, rows }) => ({
  name: `embedding ${model} C=${rows} E=${hidden} V=${vocabulary}`,
  prepare: (traits) => {
    const random = new Random(rows);
    return benchOf({
      op: embeddingGpu({ hidden }, traits),
      run: { rows },
      buffers: {
        tokens: { contents: Uint32Array.from({ length: rows }, () => random.integer(vocabulary)) },
        table: { values: vocabulary * hidden, format: "f16" },
        x: { bytes: rows * hidden * 4 },
      },
      flops: 0,
      bytes: rows * (4 + hidden * (2 + 4)),
    });
  },
}));
