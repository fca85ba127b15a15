import type { DeviceTraits } from "../gpu-op.ts";

/** Shapes of register_tiles.wgsl. Threads: rows / rowsEach by outputs / outputsEach, in patches of 4 by 8. */
export interface MatrixTuning {
  /** A workgroup's tile of y. */
  readonly rows: number;
  readonly outputs: number;
  /** An invocation's part of it. */
  readonly rowsEach: number;
  readonly outputsEach: number;
  /** Columns of K per round through workgroup memory: 16 or 32. */
  readonly slice: 16 | 32;
  /** Whether the next slice is read while this one is used. */
  readonly prefetch: boolean;
}

/** Shapes of team_dots.wgsl. */
export interface VectorTuning {
  /** Invocations per sum, and teams per workgroup. */
  readonly team: number;
  readonly teams: number;
  /** Outputs of a team, and loads of each in flight. */
  readonly outputsEach: number;
  readonly unroll: number;
}

const tile = (
  [rows, outputs]: readonly [number, number],
  [rowsEach, outputsEach]: readonly [number, number],
  slice: 16 | 32,
  prefetch = true,
): MatrixTuning => ({ rows, outputs, rowsEach, outputsEach, slice, prefetch });

const team = (lanes: number, outputsEach: number, unroll: number): VectorTuning => ({
  team: lanes,
  teams: 128 / lanes,
  outputsEach,
  unroll,
});

export const matrixTunings = {
  large: tile([128, 128], [8, 8], 16),
  largeSliced: tile([128, 128], [8, 8], 32),
  largeUnfetched: tile([128, 128], [8, 8], 16, false),
  tall: tile([128, 64], [8, 4], 32),
  wide: tile([64, 128], [8, 8], 16),
  medium: tile([64, 64], [8, 4], 16),
  low: tile([32, 64], [4, 4], 16),
  small: tile([32, 32], [4, 4], 32),
} as const;

export const vectorTunings = {
  pair: team(32, 2, 2),
  deep: team(32, 2, 4),
  single: team(32, 1, 4),
  broad: team(64, 1, 4),
} as const;

interface Choice {
  /** The largest first: one is taken when it makes `workgroups` of them, the last one in any case. */
  readonly tiles: readonly MatrixTuning[];
  readonly workgroups: number;
  /** Fewest lanes first: one is taken when all outputs keep `lanes` busy, the last one in any case. */
  readonly teams: readonly VectorTuning[];
  readonly lanes: number;
}

const { large, largeSliced, medium, small } = matrixTunings;
const { pair, single, broad } = vectorTunings;

/** The defaults. A device that lets 1024 invocations share a workgroup is taken for a big one. */
const choices: Readonly<Record<"big" | "little", Readonly<Record<DeviceTraits["arithmetic"], Choice>>>> = {
  big: {
    f32: { tiles: [large, medium, small], workgroups: 256, teams: [pair, single, broad], lanes: 131_072 },
    f16: { tiles: [largeSliced, medium, small], workgroups: 256, teams: [pair, single, broad], lanes: 131_072 },
  },
  little: {
    f32: { tiles: [medium, small], workgroups: 32, teams: [pair, single], lanes: 8192 },
    f16: { tiles: [medium, small], workgroups: 32, teams: [pair, single], lanes: 8192 },
  },
};

export function choose(traits: DeviceTraits): Choice {
  return choices[traits.maxInvocations >= 1024 ? "big" : "little"][traits.arithmetic];
}

/**
 * The team for `rows` rows. More than two read x so often from the cache that outputs must share it; columns that do not
 * fill a larger team are left to a smaller one.
 */
export function chooseTeam({ teams, lanes }: Choice, rows: number, inputs: number, outputs: number): VectorTuning {
  const fitting = teams.filter((one, i) => i === 0 || (rows <= 2 && one.team * 8 <= Math.max(inputs, 256)));
  return fitting.find((one) => Math.ceil(outputs / one.outputsEach) * one.team >= lanes) ?? fitting.at(-1)!;
}

/** Values per 16-byte vector, and bytes of one in the device's arithmetic. */
const QUAD = 4;
const quadBytes = { f16: 8, f32: 16 } as const;

export function matrixFits(tuning: MatrixTuning, { arithmetic, workgroupStorageBytes, maxInvocations }: DeviceTraits) {
  const row = (tuning.slice / QUAD + 1) * quadBytes[arithmetic];
  const threads = (tuning.rows / tuning.rowsEach) * (tuning.outputs / tuning.outputsEach);
  return (tuning.rows + tuning.outputs) * row <= workgroupStorageBytes && threads <= maxInvocations;
}

export function describeMatrix(tuning: MatrixTuning): string {
  const { rows, outputs, rowsEach, outputsEach, slice, prefetch } = tuning;
  return `tile=${rows}x${outputs} each=${rowsEach}x${outputsEach} slice=${slice} prefetch=${prefetch ? "yes" : "no"}`;
}

export function describeVector(tuning: VectorTuning): string {
  return `team=${tuning.team}x${tuning.teams} outputs=${tuning.outputsEach} unroll=${tuning.unroll}`;
}
