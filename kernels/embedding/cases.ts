import { aroundEdge, type KernelCase } from "../kernel-case.ts";
import { Random } from "../random.ts";
import type { EmbeddingInput } from "./embedding.ts";

/** Row counts and widths around a workgroup of 64; the first and the last token of the table are always there. */
const sizes = aroundEdge(64).flatMap((rows) => [1, 63, 65].map((width) => ({ rows, width, vocabulary: 37 })));

export const cases: readonly KernelCase<EmbeddingInput>[] = sizes.map(({ rows, width, vocabulary }) => ({
  name: `embedding C=${rows} E=${width} V=${vocabulary}`,
  inputs: (seed) => {
    const random = new Random(seed);
    const tokens = Uint32Array.from({ length: rows }, () => random.integer(vocabulary));
    tokens[0] = 0;
    tokens[rows - 1] = vocabulary - 1;
    return { tokens, table: random.normals(vocabulary * width), width };
  },
}));
