import { mixerOf } from "../decoder/mixers.ts";
import type { Stage } from "../engine.ts";
import type { GpuBlock } from "./allocator.ts";
import { keyPlace, type LayerStep, type Recording } from "./layer-step.ts";
import { MIXERS } from "./mixers.ts";
import type { NamedOp, Ops } from "./ops.ts";
import { recordOp, type Named } from "./record-op.ts";
import type { Recorder } from "./recorder.ts";
import type { StageLedger } from "./stage-ledger.ts";
import type { Workspace } from "./workspace.ts";

/**
 * Records a layer as dispatches: hidden states come in the workspace's `x` and leave in it. `q`, and the chunk's keys
 * where `keyPlace` says, stay as they are until the next layer.
 */
export class LayerRecorder implements Recording {
  readonly ops: Ops;
  readonly #recorder: Recorder;
  readonly #workspace: Workspace;
  readonly #ledger: StageLedger;
  readonly #rope: (layer: number) => Named;

  constructor(ops: Ops, recorder: Recorder, workspace: Workspace, ledger: StageLedger, rope: (layer: number) => Named) {
    this.ops = ops;
    this.#recorder = recorder;
    this.#workspace = workspace;
    this.#ledger = ledger;
    this.#rope = rope;
  }

  record(step: LayerStep): void {
    const { layer, role } = step;
    if (!this.#ledger.timed) this.#recorder.pass();
    this.begin(layer, "project");
    this.#project(step);
    mixerOf(MIXERS, role.mixer)(this, step);
    this.begin(layer, "output");
    this.#output(step);
    this.begin(layer, "mlp");
    this.#mlp(step);
  }

  begin(layer: number, stage: Stage): void {
    this.#ledger.begin(this.#recorder, layer, stage);
  }

  at(name: string): GpuBlock {
    return this.#workspace.get(name);
  }

  run<Run>(op: NamedOp<Run>, run: Run, buffers: Named): void {
    recordOp(this.#recorder, this.#workspace, op, run, buffers);
  }

  /** Norm, q | k | v | gates, their biases and norms, RoPE, and the new rows of the cache (of the chunk's own buffers before a window). */
  #project(step: LayerStep): void {
    const { layer, role, rows, start, weights } = step;
    const { norm, project, headNorm, split } = this.ops;
    const gated = role.gated ? "gated" : "plain";
    this.run(norm, { rows }, { x: this.at("x"), weight: weights.inputNorm, y: this.at("normed") });
    this.run(project[gated], { rows }, { x: this.at("normed"), weight: weights.projection, y: this.at("projected") });
    const heads = headNorm[gated];
    if (heads !== undefined && weights.heads !== undefined) {
      this.run(heads, { rows }, { projected: this.at("projected"), weight: weights.heads });
    }
    const { k, v, room, firstRow } = keyPlace(step, this.#workspace);
    this.run(
      split[gated],
      { rows, start, room, firstRow },
      { projected: this.at("projected"), q: this.at("q"), k, v, ...this.#rope(layer) },
    );
  }

  /** Gates where there are two branches, output projection and residual: `x` to `y`. */
  #output({ role, rows, weights }: LayerStep): void {
    const { fuse, output } = this.ops;
    if (role.gated) {
      this.run(
        fuse,
        { rows },
        {
          sparse: this.at("attendedSparse"),
          window: this.at("attendedWindow"),
          projected: this.at("projected"),
          out: this.at("attended"),
        },
      );
    }
    this.run(
      output,
      { rows },
      { x: this.at("attended"), weight: weights.output, residual: this.at("x"), y: this.at("y") },
    );
  }

  /** Norm, SwiGLU and residual: `y` to `x`. */
  #mlp({ rows, weights }: LayerStep): void {
    const { norm, gateUp, swiglu, down } = this.ops;
    this.run(norm, { rows }, { x: this.at("y"), weight: weights.postNorm, y: this.at("normed") });
    this.run(gateUp, { rows }, { x: this.at("normed"), weight: weights.gateUp, y: this.at("gateUp") });
    this.run(swiglu, { rows }, { gateUp: this.at("gateUp"), y: this.at("inner") });
    this.run(down, { rows }, { x: this.at("inner"), weight: weights.down, residual: this.at("y"), y: this.at("x") });
  }
}
