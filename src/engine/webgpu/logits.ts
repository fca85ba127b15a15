import type { Ops } from "./ops.ts";
import { scratchOf } from "./ops.ts";
import { download, readBlock } from "./readback.ts";
import { recordOp } from "./record-op.ts";
import type { GpuSession } from "./session.ts";
import type { GpuWeights } from "./weights.ts";
import { largest } from "./workspace.ts";

const WORD = 4;

/** Final norm and head, of hidden states in the workspace. */
export class LogitsHead {
  readonly #session: GpuSession;
  readonly #ops: Ops;
  readonly #weights: GpuWeights;

  constructor(session: GpuSession, ops: Ops, weights: GpuWeights) {
    this.#session = session;
    this.#ops = ops;
    this.#weights = weights;
  }

  /** Logits [vocabulary] of the hidden state in `last`, through `logitsOut`. */
  async ofLast(): Promise<Float32Array> {
    const { recorder, workspace, device } = this.#session;
    const bytes = this.#ops.shape.vocabulary * WORD;
    const into = workspace.get("logitsOut");
    this.#record(1, { x: "last", normed: "lastNormed", y: "logits" });
    recorder.submit((encoder) => encoder.copyBufferToBuffer(workspace.get("logits").buffer, 0, into.buffer, 0, bytes));
    return new Float32Array(await readBlock(device, into, bytes));
  }

  /** Logits [count, vocabulary] of the hidden states in rows from .. from + count - 1 of `x`. */
  async ofRows(from: number, count: number): Promise<Float32Array> {
    const { recorder, workspace, device, allocator } = this.#session;
    const { hidden, vocabulary } = this.#ops.shape;
    const width = hidden * WORD;
    await this.#ensure(count);
    const encoder = device.gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(
      workspace.get("x").buffer,
      from * width,
      workspace.get("piece").buffer,
      0,
      count * width,
    );
    device.gpu.queue.submit([encoder.finish()]);
    this.#record(count, { x: "piece", normed: "pieceNormed", y: "pieceLogits" });
    recorder.submit();
    const bytes = count * vocabulary * WORD;
    return new Float32Array(await download(device, allocator, workspace.get("pieceLogits"), 0, bytes));
  }

  /** Buffers for a piece: only observers of all logits pay for them. */
  async #ensure(rows: number): Promise<void> {
    const { workspace, recorder } = this.#session;
    const { norm, head, shape } = this.#ops;
    const wide = rows * shape.hidden * WORD;
    const activations = { piece: wide, pieceNormed: wide, pieceLogits: rows * shape.vocabulary * WORD };
    const scratch = largest(scratchOf(norm, { rows }), scratchOf(head, { rows }));
    const grown = [await workspace.ensure("activations", activations), await workspace.ensure("scratch", scratch)];
    if (grown.includes(true)) recorder.forgetGroups();
  }

  /** Of the first `rows` rows of `x` in a pass of their own, by the workspace's names. */
  #record(rows: number, names: { readonly x: string; readonly normed: string; readonly y: string }): void {
    const { recorder, workspace } = this.#session;
    const { finalNorm, head } = this.#weights.dense;
    const { norm, head: product } = this.#ops;
    const [x, normed, y] = [workspace.get(names.x), workspace.get(names.normed), workspace.get(names.y)];
    recorder.pass();
    recordOp(recorder, workspace, norm, { rows }, { x, weight: finalNorm, y: normed });
    recordOp(recorder, workspace, product, { rows }, { x: normed, weight: head, y });
  }
}
