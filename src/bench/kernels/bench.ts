import type { BenchRun, GpuBenchCase } from "../../../kernels/gpu-check.ts";
import { packHalves } from "../../../kernels/half.ts";
import { Random } from "../../../kernels/random.ts";
import type { GpuDevice } from "../../engine/webgpu/device.ts";
import { summarize } from "../../profile/statistics.ts";
import type { Samples } from "../../protocol/report.ts";
import { Workbench } from "./workbench.ts";

export interface BenchResult {
  readonly name: string;
  readonly time: Samples;
  /** TFLOP/s at the median. */
  readonly tflops: number;
  /** GB/s at the median. */
  readonly gbps: number;
}

/** Random values are drawn once and repeated: drawing gigabytes would take longer than timing. */
const PERIOD = 1 << 20;

/** Times one case: a warm-up, the device brought to its working clock, then `repetitions` runs in one submission, each between two timestamps. */
export async function runBench(
  device: GpuDevice,
  bench: GpuBenchCase,
  repetitions: number,
): Promise<BenchResult | { readonly skip: string }> {
  const prepared = bench.prepare(device.traits);
  if ("skip" in prepared) return prepared;
  const workbench = new Workbench(device);
  try {
    await fill(workbench, prepared);
    await workbench.scratch(prepared.op, prepared.run);
    await workbench.run(prepared.op, prepared.run, 2);
    await workbench.wake();
    const time = summarize(await workbench.run(prepared.op, prepared.run, repetitions));
    const perSecond = 1e3 / time.medianMs;
    return {
      name: bench.name,
      time,
      tflops: (prepared.flops * perSecond) / 1e12,
      gbps: (prepared.bytes * perSecond) / 1e9,
    };
  } finally {
    workbench.dispose();
  }
}

async function fill(workbench: Workbench, { buffers }: BenchRun<never>): Promise<void> {
  for (const [name, buffer] of Object.entries(buffers)) {
    if ("contents" in buffer) await workbench.upload(name, buffer.contents);
    else if ("bytes" in buffer) await workbench.unwritten(name, buffer.bytes);
    else {
      const normals = new Random(name.length + buffer.values).normals(
        Math.min(PERIOD, buffer.values + (buffer.values % 2)),
      );
      const pattern = buffer.format === "f16" ? packHalves(normals) : new Uint32Array(normals.buffer as ArrayBuffer);
      await workbench.repeat(name, buffer.values * (buffer.format === "f16" ? 2 : 4), pattern);
    }
  }
}
