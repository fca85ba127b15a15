import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { meansCase, sizes } from "./cases.ts";
import { blockMeansGpu } from "./gpu.ts";
import { blockMeans } from "./reference.ts";

/** f32 sums in another order, and one rounding to 16 bit. */
const TOLERANCE = 1e-3;

export const checks: readonly GpuCheck[] = sizes.map((size) => {
  const { name, inputs } = meansCase(size);
  return {
    name,
    prepare: (seed, traits) => {
      const drawn = inputs(seed);
      const { kvHeads, headDim, block, rows, start, spare } = { ...drawn, ...size };
      const means = blockMeans({ ...drawn, keys: roundToHalf(drawn.keys) });
      const [before, after] = [Math.floor(start / block), Math.floor((start + rows) / block)];
      const blocks = after + 1;
      const values = new Float64Array(kvHeads * blocks * headDim).fill(7);
      for (let head = 0; head < kvHeads; head++) {
        const of = means.subarray((head * after + before) * headDim, (head + 1) * after * headDim);
        values.set(of, (head * blocks + before) * headDim);
      }
      const made = (index: number): boolean => {
        const at = Math.floor(index / headDim) % blocks;
        return at >= before && at < after;
      };
      return checkOf({
        op: blockMeansGpu({ kvHeads, headDim, block }, traits),
        run: { rows, start, room: start + rows + spare, blocks },
        buffers: { k: packHalves(drawn.keys), means: packHalves(new Float32Array(values.length).fill(7)) },
        expected: { means: { format: "f16", values, tolerance: TOLERANCE, per: headDim, judged: made } },
      });
    },
  };
});
