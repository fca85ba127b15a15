import { copyGpu, type Ceiling } from "../../../kernels/ceilings/gpu.ts";
import { packHalves } from "../../../kernels/half.ts";
import { Random } from "../../../kernels/random.ts";
import type { Ceilings } from "../engine.ts";
import type { GpuBlock } from "./allocator.ts";
import { linearOp } from "./forms.ts";
import type { GpuSession } from "./session.ts";
import { Timestamps } from "./timestamps.ts";

const RUNS = 10;
const SOFTWARE_RUNS = 2;
/** Random values are drawn once and repeated. */
const PERIOD = 1 << 18;
const HALF = 2;
const WORD = 4;
const BIG_SIDE = 4096;
const SMALL_SIDE = 1024;
const SOFTWARE_SIDE = 256;

/**
 * What this device can do now: the rate of the engine's own matrix product at a size that fills the device, and the
 * bandwidth of a copy larger than its caches; the best of several runs each, by the device's clock.
 */
export async function measureCeilings(session: GpuSession, signal?: AbortSignal): Promise<Ceilings> {
  const { traits, adapter } = session.device;
  const side = adapter.software ? SOFTWARE_SIDE : traits.maxInvocations >= BIG_SIDE / WORD ? BIG_SIDE : SMALL_SIDE;
  const product = await best(session, squareProduct(session, side), signal);
  const copy = await best(session, copyGpu(traits), signal);
  return {
    matrixGflops: product.flops / product.ms / 1e6,
    copyGBps: copy.bytes / copy.ms / 1e6,
    method:
      `the engine's own product of ${side}x${side} matrices (${session.device.path}) and a copy of ` +
      `${Math.round(copy.bytes / 2 / 2 ** 20)} MiB, bytes read plus written; the best of ${product.runs} runs by the device's clock`,
  };
}

function squareProduct({ device }: GpuSession, side: number): Ceiling<{ readonly rows: number }> {
  const values = side * side;
  return {
    op: linearOp({ inputs: side, outputs: side, add: false }, device.traits),
    run: { rows: side },
    buffers: {
      x: { values, format: "f32" },
      weight: { values, format: "f16" },
      y: { values, format: "f32" },
    },
    flops: 2 * side ** 3,
    bytes: (2 * WORD + HALF) * values,
  };
}

/** Milliseconds of the quickest run. */
async function best<Run>(
  session: GpuSession,
  ceiling: Ceiling<Run>,
  signal: AbortSignal | undefined,
): Promise<{ readonly ms: number; readonly runs: number; readonly flops: number; readonly bytes: number }> {
  const { device, allocator, recorder } = session;
  const runs = device.adapter.software ? SOFTWARE_RUNS : RUNS;
  const blocks = new Map<string, GpuBlock>();
  const clock = new Timestamps(device, allocator, runs);
  const readback = await clock.readback();
  try {
    for (const [name, { values, format }] of Object.entries(ceiling.buffers)) {
      blocks.set(name, await randomBlock(session, values, format));
    }
    for (const [name, bytes] of Object.entries(ceiling.op.scratch(ceiling.run))) {
      blocks.set(name, await allocator.allocate("scratch", bytes));
    }
    const dispatches = ceiling.op.dispatches(ceiling.run);
    await recorder.reserve(dispatches.length * runs);
    const round = async (): Promise<number> => {
      signal?.throwIfAborted();
      for (let run = 0; run < runs; run++) {
        recorder.pass(clock.span());
        recorder.add(dispatches, (name) => {
          const block = blocks.get(name);
          if (block === undefined) throw new Error(`the ceiling has no buffer "${name}"`);
          return block;
        });
      }
      recorder.submit((encoder) => clock.resolve(encoder, readback));
      return Math.min(...(await clock.collect(readback)));
    };
    await round();
    await session.waker.wake();
    const ms = await round();
    return { ms, runs, flops: ceiling.flops, bytes: ceiling.bytes };
  } finally {
    for (const block of blocks.values()) allocator.free(block);
    allocator.free(readback);
    clock.destroy();
    recorder.forgetGroups();
  }
}

async function randomBlock(
  { device, allocator }: GpuSession,
  values: number,
  format: "f16" | "f32",
): Promise<GpuBlock> {
  const bytes = values * (format === "f16" ? HALF : WORD);
  const block = await allocator.allocate("activations", bytes);
  const normals = new Random(values).normals(PERIOD);
  const pattern = format === "f16" ? packHalves(normals) : new Float32Array(normals);
  for (let at = 0; at < bytes; at += pattern.byteLength) {
    device.gpu.queue.writeBuffer(block.buffer, at, pattern.buffer, 0, Math.min(pattern.byteLength, bytes - at));
  }
  return block;
}
