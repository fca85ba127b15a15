import type { GpuBlock } from "./allocator.ts";
import type { NamedOp } from "./ops.ts";
import type { Recorder } from "./recorder.ts";
import type { Workspace } from "./workspace.ts";

/** Blocks of the device by the names that an op uses. */
export type Named = Readonly<Record<string, GpuBlock>>;

/**
 * Records an op. Buffers that the call does not name are the op's scratch, or a plan, which lies in the workspace by its
 * own name.
 */
export function recordOp<Run>(
  recorder: Recorder,
  workspace: Workspace,
  { id, op }: NamedOp<Run>,
  run: Run,
  buffers: Named,
): void {
  recorder.add(op.dispatches(run), (name) => {
    const given = buffers[name];
    if (given !== undefined) return given;
    const own = `${id}.${name}`;
    return workspace.get(workspace.has(own) ? own : name);
  });
}
