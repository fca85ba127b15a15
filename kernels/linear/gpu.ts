import { spreadWorkgroups, type DeviceTraits, type GpuDispatch, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { choose, chooseTeam, describeMatrix, matrixFits, type MatrixTuning, type VectorTuning } from "./tunings.ts";

export interface LinearShape {
  /** K; a multiple of 4. */
  readonly inputs: number;
  /** N */
  readonly outputs: number;
  /** Whether `residual` is added. */
  readonly add: boolean;
}

export interface LinearRun {
  /** M */
  readonly rows: number;
}

/** Replaces what tunings.ts chooses for the device. */
export interface LinearTuning {
  readonly matrix?: MatrixTuning;
  readonly vector?: VectorTuning;
  /** Up to how many rows each weight is read for all rows by one team; at most 8, 0 for never. */
  readonly vectorRows?: number;
}

/** Rows that team_dots.wgsl is compiled for: a run takes the fewest that hold its own. */
const VECTOR_ROWS = [1, 2, 4, 8] as const;
/** Tiles along M whose rows of x stay in the cache while all of W passes. */
const BAND = 16;

/**
 * y = x W^T (+ residual). Many rows go through tiles in registers, few through teams that read every weight once.
 *
 * Buffers: x f32 [M, K], weight halves [N, K], residual f32 [M, N] where `add`, y f32 [M, N] (not residual itself).
 */
export function linearGpu(shape: LinearShape, traits: DeviceTraits, tuning: LinearTuning = {}): GpuOp<LinearRun> {
  const { inputs, outputs } = shape;
  if (inputs % 4 !== 0) throw new Error(`K = ${inputs} is no multiple of 4`);
  const choice = choose(traits);
  const tiles = tuning.matrix === undefined ? choice.tiles.filter((one) => matrixFits(one, traits)) : [tuning.matrix];
  for (const one of tiles) {
    if (!matrixFits(one, traits)) throw new Error(`${describeMatrix(one)} exceeds the device's workgroups`);
  }
  const matrices = tiles.map((one) => ({ tile: one, program: matrixProgram(shape, one, traits) }));
  const vectorRows = Math.min(tuning.vectorRows ?? VECTOR_ROWS.at(-1)!, VECTOR_ROWS.at(-1)!);
  const vectors = VECTOR_ROWS.filter((_, i) => (VECTOR_ROWS[i - 1] ?? 0) < vectorRows).map((rows) => {
    const team = tuning.vector ?? chooseTeam(choice, rows, inputs, outputs);
    return { rows, team, program: vectorProgram(shape, rows, team) };
  });
  const buffers = buffersOf(shape, "x");

  const multiply = (rows: number): GpuDispatch => {
    const counted = matrices.map(({ tile, program }) => {
      return { program, along: [Math.ceil(rows / tile.rows), Math.ceil(outputs / tile.outputs)] as const };
    });
    const enough = counted.find(({ along: [m, n] }) => m * n >= choice.workgroups) ?? counted.at(-1)!;
    const [m, n] = enough.along;
    return {
      program: enough.program,
      buffers,
      params: { rows },
      workgroups: [Math.min(BAND, m), n, Math.ceil(m / BAND)],
    };
  };

  return {
    programs: [...matrices, ...vectors].map(({ program }) => program),
    scratch: () => ({}),
    dispatches: ({ rows }) => {
      if (rows > vectorRows) return [multiply(rows)];
      const { program, team } = vectors.find((vector) => vector.rows >= rows)!;
      const workgroups = spreadWorkgroups(Math.ceil(outputs / (team.teams * team.outputsEach)), traits);
      return [{ program, buffers, params: { rows, stride: workgroups[0] }, workgroups }];
    },
  };
}

/** Buffers by binding; `x` names the rows to multiply. Where no residual is added, result.wgsl is bound to what is read anyway. */
export function buffersOf({ add }: LinearShape, x: string): GpuDispatch["buffers"] {
  return { x, weight: "weight", y: "y", residual: add ? "residual" : "weight" };
}

/** What all programs of the op begin with. */
export function common({ inputs, outputs, add }: LinearShape): Pick<GpuProgram, "sources" | "bindings" | "constants"> {
  return {
    sources: [inputs % 8 === 0 ? "linear/weights_by_eight.wgsl" : "linear/weights_by_four.wgsl", "linear/result.wgsl"],
    bindings: { x: "read", weight: "read", y: "read_write", residual: "read" },
    constants: { INPUTS: inputs, OUTPUTS: outputs, ADD: add },
  };
}

function matrixProgram(shape: LinearShape, tile: MatrixTuning, { arithmetic }: DeviceTraits): GpuProgram {
  const { sources, bindings, constants } = common(shape);
  return {
    name: "linear/register_tiles",
    sources: [...sources, "linear/register_tiles.wgsl"],
    constants: {
      ...constants,
      TILE_ROWS: tile.rows,
      TILE_OUTPUTS: tile.outputs,
      ROWS_EACH: tile.rowsEach,
      OUTPUTS_EACH: tile.outputsEach,
      SLICE: tile.slice,
      PREFETCH: tile.prefetch,
      IN_PARTS: arithmetic === "f16",
      BAND,
    },
    bindings,
    params: { rows: "u32" },
  };
}

function vectorProgram(shape: LinearShape, rows: number, team: VectorTuning): GpuProgram {
  const { sources, bindings, constants } = common(shape);
  return {
    name: "linear/team_dots",
    sources: [...sources, "linear/team_dots.wgsl"],
    constants: {
      ...constants,
      ROWS: rows,
      TEAM: team.team,
      TEAMS: team.teams,
      OUTPUTS_EACH: team.outputsEach,
      UNROLL: team.unroll,
    },
    bindings,
    params: { rows: "u32", stride: "u32" },
  };
}
