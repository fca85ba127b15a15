import { spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { matrixDirectives } from "../matrix-directives.ts";
import { buffersOf, common, type LinearRun, type LinearShape } from "./gpu.ts";
import {
  chooseMatrix,
  describeMatrixTuning,
  matrixChoices,
  matrixTileFits,
  type MatrixTile,
  type MatrixTuning,
} from "./matrix-tunings.ts";

/** Fewest rows for which this is worth it: up to 8 are served by reading every weight once (team_dots.wgsl). */
export const matrixRows = 9;

/** Values that the smallest result must hold: a tile of it is loaded and stored as a whole. */
const SMALLEST_RESULT = 256;

/** Whether so many rows can be run on matrix units, and are worth it. */
export function worthMatrix({ outputs }: Pick<LinearShape, "outputs">, rows: number): boolean {
  return rows >= matrixRows && rows * outputs >= SMALLEST_RESULT;
}

/** Invocations of a workgroup of matrix_halve_rows.wgsl. */
const HALVE_WIDTH = 256;
const EIGHT = 8;
const HALF = 2;

/** Whether `linearMatrix` takes the shape on this device. */
export function fitsMatrixLinear({ inputs, outputs }: LinearShape, traits: DeviceTraits): boolean {
  const tiles = matrixChoices({ inputs, outputs }).filter(({ tile }) => matrixTileFits(tile, traits));
  return traits.matrix !== "none" && inputs % 4 === 0 && tiles.length > 0;
}

/**
 * y = x W^T (+ residual) on matrix units: x and W as f16, sums in f32. Any number of rows, but see `matrixRows`.
 *
 * Buffers: x f32 [M, K], weight halves [N, K], residual f32 [M, N] where `add`, y f32 [M, N] (not residual itself).
 */
export function linearMatrix(shape: LinearShape, traits: DeviceTraits, tuning?: MatrixTuning): GpuOp<LinearRun> {
  const { inputs, outputs } = shape;
  if (traits.matrix === "none") throw new Error("the device has no matrix units");
  if (inputs % 4 !== 0) throw new Error(`K = ${inputs} is no multiple of 4`);
  if (tuning !== undefined && !matrixTileFits(tuning.tile, traits)) {
    throw new Error(`${describeMatrixTuning(tuning)} exceeds the device's workgroups`);
  }
  const wanted = tuning === undefined ? matrixChoices(shape) : [tuning];
  const choices = wanted
    .filter(({ tile }) => matrixTileFits(tile, traits))
    .map((one) => ({ tuning: one, program: tileProgram(shape, one, traits) }));
  if (choices.length === 0) throw new Error("no tile fits the device's workgroups");
  const halve = choices.some((one) => one.tuning.halves) ? halveProgram(shape) : undefined;
  const eighths = Math.ceil(inputs / EIGHT);

  return {
    programs: [...(halve === undefined ? [] : [halve]), ...choices.map(({ program }) => program)],
    scratch: ({ rows }) =>
      chooseMatrix(choices, rows, outputs).tuning.halves ? { halves: rows * eighths * EIGHT * HALF } : {},
    dispatches: ({ rows }) => {
      const { tuning: chosen, program } = chooseMatrix(choices, rows, outputs);
      const before = chosen.halves
        ? [spreadDispatch(halve!, traits, Math.ceil((rows * eighths) / HALVE_WIDTH), { rows })]
        : [];
      const { tile } = chosen;
      const along = Math.ceil(rows / tile.rows);
      return [
        ...before,
        {
          program,
          buffers: buffersOf(shape, chosen.halves ? "halves" : "x"),
          params: { rows },
          workgroups: [Math.min(tile.band, along), Math.ceil(outputs / tile.outputs), Math.ceil(along / tile.band)],
        },
      ];
    },
  };
}

function tileProgram(shape: LinearShape, { tile, halves }: MatrixTuning, traits: DeviceTraits): GpuProgram {
  const { sources, bindings, constants } = common(shape);
  return {
    name: `linear/matrix_tiles ${tile.rows}x${tile.outputs}`,
    directives: matrixDirectives(traits),
    sources: [
      ...sources,
      halves ? "linear/matrix_x_halves.wgsl" : "linear/matrix_x_f32.wgsl",
      `linear/matrix_tiles_${traits.matrix}.wgsl`,
      "linear/matrix_tiles.wgsl",
      partSources[tile.part],
    ],
    constants: {
      ...constants,
      TILE_ROWS: tile.rows,
      TILE_OUTPUTS: tile.outputs,
      PART_ROWS: tile.part,
      PART_OUTPUTS: tile.part,
      SLICE: tile.slice,
      DEPTH: tile.depth,
      BAND: tile.band,
    },
    bindings,
    params: { rows: "u32" },
  };
}

const partSources: Readonly<Record<MatrixTile["part"], string>> = {
  64: "linear/matrix_part_64x64.wgsl",
  32: "linear/matrix_part_32x32.wgsl",
};

function halveProgram({ inputs }: LinearShape): GpuProgram {
  return {
    name: "linear/matrix_halve_rows",
    sources: ["linear/matrix_halve_rows.wgsl"],
    constants: { INPUTS: inputs, WIDTH: HALVE_WIDTH },
    bindings: { x: "read", halves: "read_write" },
    params: { rows: "u32", stride: "u32" },
  };
}
