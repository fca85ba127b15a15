import { halfToFloat32 } from "../../model/float16.ts";
import type { RunObserver } from "../engine.ts";
import type { Shape } from "../shape.ts";
import { keyPlace, type LayerStep } from "./layer-step.ts";
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
    observer.onProjected(layer, start, await floats("q", rows * Hq * d), await ownKeys(session, shape, step));
  }
  if (observer.onScores !== undefined && step.scores) {
    const blocks = Math.ceil((start + rows) / B);
    observer.onScores(layer, start, rows, blocks, await floats("scores", rows * Hkv * blocks));
  }
  if (observer.onLayerOutput === undefined) return;
  observer.onLayerOutput(layer, start, await floats("x", rows * hidden));
}

/** The step's new keys [rows, Hkv, d], as 16 bits hold them. */
async function ownKeys(
  { device, allocator, workspace }: GpuSession,
  { Hkv, d }: Shape,
  step: LayerStep,
): Promise<Float32Array> {
  const { rows } = step;
  const { k, room, firstRow } = keyPlace(step, workspace);
  const width = d * HALF;
  const halves = await downloadPieces(device, allocator, k, {
    offset: firstRow * width,
    bytes: rows * width,
    stride: room * width,
    count: Hkv,
  });
  const byHead = halfToFloat32(new Uint16Array(halves));
  const keys = new Float32Array(byHead.length);
  for (let head = 0; head < Hkv; head++) {
    for (let row = 0; row < rows; row++) {
      const from = (head * rows + row) * d;
      keys.set(byHead.subarray(from, from + d), (row * Hkv + head) * d);
    }
  }
  return keys;
}
