import {
  chosenKeys,
  indexBytes,
  keysRead,
  ownAttention,
  queryBytes,
  rowBytes,
  scoreBytes,
  sumOver,
  type Costs,
  type Work,
} from "../costs.ts";
import { compressedBlocks } from "../../../kernels/compress-blocks/compress-blocks.ts";
import { branchesOf } from "../plan.ts";

/** The three branches of a layer, and the choice between them. */
export function nsaCosts(work: Work): Costs {
  const { architecture: a, span, layer } = work;
  const { window, compressed, selects } = branchesOf(layer);
  const { block, slots } = selects;
  const choosing = { ...work, layer: { ...layer, choice: selects } };
  const keyWidth = 2 * a.kvHeads * a.headDim;
  const queries = span.to - span.from;
  const seen = sumOver(span, (t) => compressedBlocks(compressed, t + 1));
  const made = compressedBlocks(compressed, span.to) - compressedBlocks(compressed, span.from);
  const map = (compressed.block + 1) * a.headDim ** 2;
  const read = sumOver(span, (t) => chosenKeys(block, slots, t));
  return {
    compress: {
      flops: 4 * a.headDim * a.queryHeads * seen + 4 * made * a.kvHeads * map,
      bytes:
        queryBytes(work) +
        rowBytes(queries + made + keysRead(span, seen, compressedBlocks(compressed, span.to)), keyWidth, work) +
        // Decode steps that make nothing need not read the maps.
        rowBytes(Math.min(span.passes, made), 2 * (map + compressed.block * a.headDim), work) +
        scoreBytes(choosing),
    },
    select: { flops: 0, bytes: scoreBytes(choosing) + indexBytes(choosing) },
    sparse: {
      flops: 4 * a.headDim * a.queryHeads * read,
      bytes: queryBytes(work) + rowBytes(keysRead(span, read, span.to), keyWidth, work) + indexBytes(choosing),
    },
    window: ownAttention({ ...work, layer: { ...layer, keeps: window } }),
  };
}
