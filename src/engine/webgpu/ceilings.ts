import { copyGpu, fmaPeakGpu, readGpu, readSizes, type Ceiling } from "../../../kernels/ceilings/gpu.ts";
import { matrixPeakGpu } from "../../../kernels/ceilings/matrix-peak.ts";
import { makeOp } from "../../../kernels/gpu-form.ts";
import { packHalves } from "../../../kernels/half.ts";
import { forms as linear } from "../../../kernels/linear/forms.ts";
import { Random } from "../../../kernels/random.ts";
import type { Ceilings } from "../engine.ts";
import type { GpuBlock } from "./allocator.ts";
import type { GpuSession } from "./session.ts";
import { Timestamps } from "./timestamps.ts";

const RUNS = 10;
const SOFTWARE_RUNS = 2;
/** Rounds of runs go on for so long, which also keeps the device at its working clock from one ceiling to the next. */
const ROUNDS_MS = 100;
/** Random values are drawn once and repeated. */
const PERIOD = 1 << 18;
const HALF = 2;
const WORD = 4;
const BIG_SIDE = 4096;
const SMALL_SIDE = 1024;
const SOFTWARE_SIDE = 256;

/** A run of fmaPeakGpu that a program on the CPU ends in a fraction of a second. */
const SOFTWARE_CHAINS = { workgroups: 64, rounds: 8, scale: 0.875, add: 0.25 };

interface Rate {
  readonly name: string;
  readonly gflops: number;
}

/** What a device shows, everything that `measureCeilings` chooses from. */
export interface DeviceRates {
  readonly arithmetic: readonly Rate[];
  readonly reads: Ceilings["reads"];
  readonly copy: { readonly bytes: number; readonly GBps: number };
}

/** The best that this device shows now: floors follow from it. */
export async function measureCeilings(session: GpuSession, signal?: AbortSignal): Promise<Ceilings> {
  const { arithmetic, reads, copy } = await measureRates(session, signal);
  const fastest = arithmetic.reduce((a, b) => (b.gflops > a.gflops ? b : a));
  return {
    matrixGflops: fastest.gflops,
    copyGBps: copy.GBps,
    reads,
    method:
      `${fastest.name}; reads of a buffer again and again; a copy of ${Math.round(copy.bytes / 2 ** 20)} MiB, bytes read ` +
      `plus written; the best of at least ${runsOf(session)} runs each by the device's clock`,
  };
}

/**
 * What this device can do now: multiply-adds in registers, products in the registers of its matrix units and the engine's own
 * matrix product at a size that fills the device; reads of buffers that fit its caches, and of one that fits none; a copy larger
 * than its caches. The best of several runs each, by the device's clock.
 */
export async function measureRates(session: GpuSession, signal?: AbortSignal): Promise<DeviceRates> {
  const { traits } = session.device;
  await session.waker.wake();
  const arithmetic = await arithmeticRates(session, signal);
  const copy = copyGpu(traits);
  const copyGBps = copy.bytes / (await best(session, copy, signal)) / 1e6;
  const reads: { bytes: number; GBps: number }[] = [];
  for (const bytes of readSizes(traits)) {
    const read = readGpu(traits, bytes);
    reads.push({ bytes, GBps: read.bytes / (await best(session, read, signal)) / 1e6 });
  }
  return { arithmetic, reads, copy: { bytes: copy.run.bytes, GBps: copyGBps } };
}

async function arithmeticRates(session: GpuSession, signal: AbortSignal | undefined): Promise<Rate[]> {
  const { traits, adapter, path } = session.device;
  const { software } = adapter;
  const side = software ? SOFTWARE_SIDE : traits.maxInvocations >= BIG_SIDE / WORD ? BIG_SIDE : SMALL_SIDE;
  const rates: Rate[] = [];
  const measure = async <Run>(name: string, ceiling: Ceiling<Run>): Promise<void> => {
    rates.push({ name, gflops: ceiling.flops / (await best(session, ceiling, signal)) / 1e6 });
  };
  for (const type of traits.arithmetic === "f16" ? (["f32", "arithmetic"] as const) : (["f32"] as const)) {
    const name = `multiply-adds in registers (${type === "f32" ? type : traits.arithmetic})`;
    await measure(name, fmaPeakGpu(traits, type, software ? SOFTWARE_CHAINS : undefined));
  }
  if (traits.matrix === "units") await measure("products in the registers of matrix units", matrixPeakGpu(traits));
  await measure(`the engine's own product of ${side}x${side} matrices (${path})`, squareProduct(session, side));
  return rates;
}

function runsOf({ device }: GpuSession): number {
  return device.adapter.software ? SOFTWARE_RUNS : RUNS;
}

function squareProduct({ device }: GpuSession, side: number): Ceiling<{ readonly rows: number }> {
  const values = side * side;
  return {
    op: makeOp(linear, { inputs: side, outputs: side, add: false }, device.traits),
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
async function best<Run>(session: GpuSession, ceiling: Ceiling<Run>, signal: AbortSignal | undefined): Promise<number> {
  const { device, allocator, recorder } = session;
  const runs = runsOf(session);
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
    let ms = Infinity;
    const until = performance.now() + (device.adapter.software ? 0 : ROUNDS_MS);
    do ms = Math.min(ms, await round());
    while (performance.now() < until);
    return ms;
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
