import type { GpuOp } from "../gpu-op.ts";

/** Ops one after another as one op. Buffers that the first ones hand on must be given, or be among `handed`. */
export function inSequence<Run>(
  ops: readonly GpuOp<Run>[],
  handed: (run: Run) => Readonly<Record<string, number>> = () => ({}),
): GpuOp<Run> {
  return {
    programs: ops.flatMap(({ programs }) => programs),
    scratch: (run) =>
      Object.fromEntries([handed(run), ...ops.map((op) => op.scratch(run))].flatMap(Object.entries<number>)),
    dispatches: (run) => ops.flatMap((op) => op.dispatches(run)),
  };
}

/** Only the dispatches of one program of an op, to time it alone. */
export function onlyProgram<Run>(op: GpuOp<Run>, name: string): GpuOp<Run> {
  return { ...op, dispatches: (run) => op.dispatches(run).filter(({ program }) => program.name.endsWith(`/${name}`)) };
}
