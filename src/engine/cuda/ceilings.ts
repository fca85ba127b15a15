import { Random } from "../../../kernels/random.ts";
import { packHalves } from "../../../kernels/half.ts";
import type { Ceilings } from "../engine.ts";
import type { CudaBlock } from "./block.ts";
import { nextTurn, type CudaSession } from "./session.ts";

const RUNS = 10;
const MIB = 2 ** 20;
const THREADS = 256;
/** tensor_peak (ceilings.cu): warpgroups of a block, products of a round, and operations of a product. */
const PEAK = { groups: 2, products: 4, operations: 2 * 64 * 128 * 16, rounds: 4096 } as const;
/** Random 16-bit values, drawn once. */
const VALUES = 128 * 64;
const COPY_BYTES = 512 * MIB;
/** What is read again and again: in the second-level cache, about it, and far more than it holds. */
const READ_BYTES = [8 * MIB, 32 * MIB, 96 * MIB, 1024 * MIB] as const;
/** Bytes of a run of reads at least, so that it outlasts its launch. */
const READ_AT_LEAST = 2048 * MIB;
const BLOCKS_PER_PROCESSOR = 8;

/** The best that this device shows now, by its own clock. */
export async function measureCeilings(session: CudaSession, signal?: AbortSignal): Promise<Ceilings> {
  const { allocator, context } = session;
  const blocks: CudaBlock[] = [];
  const hold = (bytes: number): CudaBlock => {
    const block = allocator.allocate("activations", bytes);
    blocks.push(block);
    return block;
  };
  try {
    const big = hold(Math.max(...READ_BYTES));
    const other = hold(COPY_BYTES);
    const flops = await peakFlops(session, big, other, signal);
    const grid = BLOCKS_PER_PROCESSOR * context.device.processors;
    const copy = await best(session, signal, () =>
      context.launch({
        kernel: "stream_copy",
        blocks: [grid],
        threads: THREADS,
        parameters: [big.address, other.address, BigInt(COPY_BYTES / 16)],
      }),
    );
    const reads: { bytes: number; GBps: number }[] = [];
    for (const bytes of READ_BYTES) {
      const times = Math.ceil(READ_AT_LEAST / bytes);
      const ms = await best(session, signal, () =>
        context.launch({
          kernel: "stream_read",
          blocks: [grid],
          threads: THREADS,
          parameters: [big.address, other.address, BigInt(bytes / 16), times],
        }),
      );
      reads.push({ bytes, GBps: (bytes * times) / ms / 1e6 });
    }
    return {
      matrixGflops: flops / 1e9,
      copyGBps: (2 * COPY_BYTES) / copy / 1e6,
      reads,
      method:
        "products of 16-bit floats on the tensor cores, from registers and shared memory; reads of a buffer again and again; " +
        `a copy of ${COPY_BYTES / MIB} MiB, bytes read plus written; the best of ${RUNS} runs each by the device's clock`,
    };
  } finally {
    for (const block of blocks) allocator.free(block);
  }
}

/** Keeps the tensor cores busy for some tens of milliseconds, until the device is at its working clock. */
export async function wake(session: CudaSession): Promise<void> {
  const { allocator } = session;
  const from = allocator.allocate("activations", VALUES * 2);
  const to = allocator.allocate("activations", 4 * THREADS * session.context.device.processors);
  try {
    await peakFlops(session, from, to);
  } finally {
    allocator.free(from);
    allocator.free(to);
  }
}

/** Operations a second of the tensor cores. */
async function peakFlops(session: CudaSession, from: CudaBlock, to: CudaBlock, signal?: AbortSignal): Promise<number> {
  const { context } = session;
  context.upload(from, packHalves(new Random(1).normals(VALUES)));
  const { processors } = context.device;
  const ms = await best(session, signal, () =>
    context.launch({
      kernel: "tensor_peak",
      blocks: [processors],
      threads: THREADS,
      parameters: [from.address, to.address, PEAK.rounds],
    }),
  );
  return (processors * PEAK.groups * PEAK.products * PEAK.operations * PEAK.rounds * 1000) / ms;
}

/** Milliseconds of the quickest run. */
async function best({ context }: CudaSession, signal: AbortSignal | undefined, run: () => void): Promise<number> {
  const [from, to] = [context.createEvent(), context.createEvent()];
  let quickest = Infinity;
  try {
    run();
    for (let i = 0; i < RUNS; i++) {
      signal?.throwIfAborted();
      context.record(from);
      run();
      context.record(to);
      while (!context.passed(to)) await nextTurn();
      quickest = Math.min(quickest, context.elapsed(from, to));
    }
  } finally {
    context.destroyEvent(from);
    context.destroyEvent(to);
  }
  return quickest;
}
