import { matrixPeakGpu } from "../../../kernels/ceilings/matrix-peak.ts";
import { makeOp } from "../../../kernels/gpu-form.ts";
import { roundToHalf } from "../../../kernels/half.ts";
import { forms as linear } from "../../../kernels/linear/forms.ts";
import { Random } from "../../../kernels/random.ts";
import { messageOf } from "../../model/errors.ts";
import { PRESETS } from "../../model/presets.ts";
import { GpuAllocator } from "./allocator.ts";
import { GpuDevice } from "./device.ts";
import type { AdapterListing } from "./gpu-choice.ts";
import { toHalves } from "../../model/float16.ts";
import type { ProbeReply, ProbeRequest } from "./matrix-probe.ts";
import { makeOps } from "./ops.ts";
import { download } from "./readback.ts";
import { Recorder } from "./recorder.ts";

const SIDE = 128;
const ROWS = 64;
/** Operands are rounded to 16 bits on both sides, so only the order of sums differs. */
const TOLERANCE = 1e-3;

/** Compiles every kernel of a large shape, then computes one product and compares it. Undefined when all is well. */
async function probe(gpu: AdapterListing): Promise<string | undefined> {
  const device = await GpuDevice.open({ gpu, matrix: "units" });
  const ops = makeOps(PRESETS["paper-7b"].architecture, device.traits);
  const tried = [
    ops.full.scored,
    ops.full.plain,
    ops.sparse,
    ops.window,
    ops.gateUp,
    ops.down,
    matrixPeakGpu(device.traits),
  ];
  for (const { op } of tried) {
    for (const program of op.programs) device.compile(program);
  }
  const random = new Random(Date.now());
  const x = roundToHalf(random.normals(ROWS * SIDE));
  const weight = roundToHalf(random.normals(SIDE * SIDE));
  const y = await product(device, x, weight);
  let difference = 0;
  let norm = 0;
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < SIDE; column++) {
      let sum = 0;
      for (let i = 0; i < SIDE; i++) sum += x[row * SIDE + i]! * weight[column * SIDE + i]!;
      difference += (y[row * SIDE + column]! - sum) ** 2;
      norm += sum ** 2;
    }
  }
  const error = Math.sqrt(difference / norm);
  return error < TOLERANCE ? undefined : `a product was off by ${error.toExponential(1)}`;
}

async function product(device: GpuDevice, x: Float32Array, weight: Float32Array): Promise<Float32Array> {
  const allocator = new GpuAllocator(device);
  const recorder = new Recorder(device, allocator);
  const op = makeOp(linear, { inputs: SIDE, outputs: SIDE, add: false }, device.traits);
  const run = { rows: ROWS };
  const sizes = { x: x.byteLength, weight: 2 * weight.length, y: 4 * ROWS * SIDE, ...op.scratch(run) };
  const blocks = new Map(
    await Promise.all(
      Object.entries(sizes).map(async ([name, bytes]) => [name, await allocator.allocate("scratch", bytes)] as const),
    ),
  );
  device.gpu.queue.writeBuffer(blocks.get("x")!.buffer, 0, new Float32Array(x));
  device.gpu.queue.writeBuffer(blocks.get("weight")!.buffer, 0, toHalves(weight));
  await recorder.reserve(1);
  recorder.pass();
  recorder.add(op.dispatches(run), (name) => blocks.get(name)!);
  recorder.submit();
  return new Float32Array(await download(device, allocator, blocks.get("y")!, 0, sizes.y));
}

// A parent that is gone cannot be told anything.
process.once("disconnect", () => process.exit(1));
process.once("message", ({ gpu }: ProbeRequest) => {
  probe(gpu)
    .catch(messageOf)
    .then((complaint) => {
      const reply: ProbeReply = complaint === undefined ? {} : { complaint };
      process.send?.(reply, () => process.exit(0));
    })
    .catch(() => process.exit(1));
});
