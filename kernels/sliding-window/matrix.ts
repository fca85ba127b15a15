import { matrixFits, matrixSoftmaxSources, rowsOf, type MatrixTuning } from "../attention/matrix-tunings.ts";
import { singleOp, spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { matrixDirectives } from "../matrix-directives.ts";
import { RING_NAMES, type SlidingWindowRun, type SlidingWindowShape } from "./gpu.ts";

/** The choices, best first: tilings of full attention, which a window's keys pass by in the same way. */
export const matrixWindowTunings: readonly MatrixTuning[] = [
  { subgroups: 8, parts: 1, keys: 32, ahead: true },
  { subgroups: 4, parts: 1, keys: 32, ahead: true },
  { subgroups: 2, parts: 1, keys: 32, ahead: true },
];

export function matrixWindowTuningName({ subgroups, parts, keys }: MatrixTuning): string {
  return `matrix ${subgroups}x${16 * parts} keys=${keys}`;
}

function chosen(headDim: number, traits: DeviceTraits, tuning?: MatrixTuning): MatrixTuning | undefined {
  return (tuning === undefined ? matrixWindowTunings : [tuning]).find((one) => matrixFits(one, headDim, traits));
}

/** Whether slidingWindowMatrix runs heads of this size, with this tuning or any. */
export function fitsMatrixWindow(headDim: number, traits: DeviceTraits, tuning?: MatrixTuning): boolean {
  return chosen(headDim, traits, tuning) !== undefined;
}

/**
 * The window branch for a chunk on matrix units, with the kernel of full attention: a tile of rows lets the keys of its
 * window pass by. Products of 16-bit operands (q, weights rounded), f32 sums.
 *
 * Buffers as of slidingWindowGpu: q f32 [C, Hq, d], rotated, unscaled; k, v halves [Hkv, C, d], the chunk's own; ringK,
 * ringV halves [Hkv, ring, d], positions in them by ringRow, read for 0 .. F - 1 and max(0, start - w + 1) .. start - 1
 * only; sinks f32 [Hq], minus infinity for none; out f32 [C, Hq, d].
 * @throws RangeError when no tuning, or not this one, fits: see fitsMatrixWindow
 */
export function slidingWindowMatrix(
  { queryHeads, kvHeads, headDim, window, first = 0 }: SlidingWindowShape,
  traits: DeviceTraits,
  tuning?: MatrixTuning,
): GpuOp<SlidingWindowRun> {
  const cut = chosen(headDim, traits, tuning);
  if (cut === undefined)
    throw new RangeError(`a window of heads of ${headDim} does not fit this device's matrix units`);
  const { subgroups, parts, keys, ahead } = cut;
  const group = queryHeads / kvHeads;
  const program: GpuProgram = {
    name: "sliding-window/matrix_passing",
    sources: [
      "sliding-window/ring_row.wgsl",
      "sliding-window/matrix_passing_keys.wgsl",
      "attention/no_block_maxima.wgsl",
      ...matrixSoftmaxSources(traits),
    ],
    directives: matrixDirectives(traits, { shuffles: true }),
    constants: {
      HEAD_DIM: headDim,
      WINDOW: window,
      FIRST: first,
      BLOCKS_SPLIT_TILES: false,
      SUBGROUPS: subgroups,
      PARTS: parts,
      KEYS: keys,
      AHEAD: ahead,
    },
    bindings: { q: "read", k: "read", v: "read", ring_k: "read", ring_v: "read", sinks: "read", out: "read_write" },
    params: {
      ...{ first: "u32", rows: "u32", start: "u32", room: "u32", stride: "u32" },
      ...{ kv_heads: "u32", group: "u32", blocks: "u32", block: "u32", scale: "f32" },
    },
  };
  return singleOp(program, ({ rows, start, ring = first + window }) => {
    const workgroups = Math.ceil((rows * group) / rowsOf(cut)) * kvHeads;
    const params = {
      ...{ first: 0, rows, start, room: ring, kv_heads: kvHeads, group },
      ...{ blocks: 0, block: 0, scale: Math.LOG2E / Math.sqrt(headDim) },
    };
    return spreadDispatch(program, traits, workgroups, params, RING_NAMES);
  });
}
