import { halfToFloat32 } from "../../model/float16.ts";
import type { RunObserver } from "../engine.ts";
import type { Shape } from "../shape.ts";
import { keyPlace, type KeyPlace, type LayerStep } from "./layer-step.ts";
import { download, downloadPieces } from "./readback.ts";
import type { GpuSession } from "./session.ts";

const WORD = 4;
const HALF = 2;

/** Whether an observer asks for values of single layers: each is then submitted by itself. */
export function watchesLayers(observer: RunObserver | undefined): observer is RunObserver {
  return (
    observer?.onLayerOutput !== undefined || observer?.onScores !== undefined || observer?.onProjected !== undefined
  );
}

/** Gives the observer what it asked to see of a layer that was just submitted, before another overwrites it. */
export async function showLayer(
  session: GpuSession,
  shape: Shape,
  step: LayerStep,
  observer: RunObserver,
): Promise<void> {
  const { device, allocator, workspace } = session;
  const { layer, start, rows } = step;
  const { hidden, Hq, Hkv, d, B } = shape;
  const floats = async (name: string, count: number): Promise<Float32Array> =>
    new Float32Array(await download(device, allocator, workspace.get(name), 0, count * WORD));
  if (observer.onProjected !== undefined) {
    const { k, v } = keyPlace(step, workspace);
    const [keys, values] = [await ownRows(session, shape, step, k), await ownRows(session, shape, step, v)];
    observer.onProjected(layer, start, await floats("q", rows * Hq * d), keys, values);
  }
  if (observer.onScores !== undefined && step.scores) {
    const blocks = Math.ceil((start + rows) / B);
    observer.onScores(layer, start, rows, blocks, await floats("scores", rows * Hkv * blocks));
  }
  if (observer.onLayerOutput === undefined) return;
  observer.onLayerOutput(layer, start, await floats("x", rows * hidden));
}

/** The step's new keys or values [rows, Hkv, d], as 16 bits hold them. */
async function ownRows(
  { device, allocator, workspace }: GpuSession,
  { Hkv, d }: Shape,
  step: LayerStep,
  buffer: KeyPlace["k"],
): Promise<Float32Array> {
  const { rows } = step;
  const { room, firstRow } = keyPlace(step, workspace);
  const width = d * HALF;
  const halves = await downloadPieces(device, allocator, buffer, {
    offset: firstRow * width,
    bytes: rows * width,
    stride: room * width,
    count: Hkv,
  });
  const byHead = halfToFloat32(new Uint16Array(halves));
  const byPosition = new Float32Array(byHead.length);
  for (let head = 0; head < Hkv; head++) {
    for (let row = 0; row < rows; row++) {
      const from = (head * rows + row) * d;
      byPosition.set(byHead.subarray(from, from + d), (row * Hkv + head) * d);
    }
  }
  return byPosition;
}
