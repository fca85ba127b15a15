import type { BufferContents, Expected, Format, GpuCheck } from "../../../kernels/gpu-check.ts";
import { fromHalfBits } from "../../../kernels/half.ts";
import type { GpuDevice } from "../../engine/webgpu/device.ts";
import { Workbench } from "./workbench.ts";

export type Outcome =
  { readonly passed: true; readonly worst: number } | { readonly skipped: string } | { readonly failed: string };

/** Runs one check on the device. The kernel's outputs, poisoned before, are compared with the reference's. */
export async function runCheck(device: GpuDevice, check: GpuCheck, seed: number): Promise<Outcome> {
  const prepared = check.prepare(seed, device.traits);
  if ("skip" in prepared) return { skipped: prepared.skip };
  const bench = new Workbench(device);
  try {
    for (const [name, contents] of Object.entries(prepared.buffers)) {
      if (isSize(contents)) await bench.unwritten(name, contents.bytes);
      else await bench.upload(name, contents);
    }
    await bench.scratch(prepared.op, prepared.run);
    await bench.run(prepared.op, prepared.run);
    let worst = 0;
    for (const [name, expected] of Object.entries(prepared.expected)) {
      const actual = decode(await bench.read(name), expected.format, expected.values.length);
      const complaint = expected.judge?.(actual);
      if (complaint !== undefined) return { failed: `${name}: ${complaint}` };
      if (expected.judge !== undefined) continue;
      const before = prepared.buffers[name];
      const untouched = before === undefined || isSize(before) ? undefined : decodeView(before, expected.format);
      const error = compare(actual, expected, untouched);
      if (typeof error === "string") return { failed: `${name}: ${error}` };
      worst = Math.max(worst, error);
    }
    return { passed: true, worst };
  } finally {
    bench.dispose();
  }
}

function isSize(contents: BufferContents): contents is { readonly bytes: number } {
  return !ArrayBuffer.isView(contents);
}

function decodeView(view: ArrayBufferView, format: Format): Float64Array {
  const copy = new Uint8Array(view.byteLength);
  copy.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return decode(copy.buffer, format);
}

function decode(bytes: ArrayBuffer, format: Format, count?: number): Float64Array {
  if (format === "f16") return Float64Array.from(new Uint16Array(bytes).subarray(0, count), fromHalfBits);
  return Float64Array.from((format === "f32" ? new Float32Array(bytes) : new Uint32Array(bytes)).subarray(0, count));
}

/**
 * Differences a float32 result may always have: WGSL lets a device flush what lies below 2^-126 to zero (its
 * "Differences from IEEE-754"), and a factor so flushed may have been multiplied afterwards, by up to 64 here. The float64
 * reference still has digits there, e^-128 say, of which a relative error would ask all.
 */
const FLUSHED = 2 ** -120;

/** The largest relative error of a run of `per` values, or what is wrong. */
export function compare(
  actual: Float64Array,
  expected: Expected,
  untouched: Float64Array | undefined,
): number | string {
  const { values, tolerance, per, judged, format } = expected;
  const flushed = format === "f32" ? FLUSHED : 0;
  let worst = 0;
  for (let from = 0; from < values.length; from += per) {
    let difference = 0;
    let norm = 0;
    for (let i = from; i < Math.min(from + per, values.length); i++) {
      const want = values[i]!;
      const got = actual[i]!;
      if (judged !== undefined && !judged(i)) {
        if (untouched !== undefined && !Object.is(got, untouched[i]))
          return `element ${i} must not be written, is ${got}`;
        continue;
      }
      if (want === got) {
        norm += Number.isFinite(want) ? want ** 2 : 0;
        continue;
      }
      if (!Number.isFinite(got) || !Number.isFinite(want)) return `element ${i} is ${got}, must be ${want}`;
      difference += Math.max(0, Math.abs(got - want) - flushed) ** 2;
      norm += want ** 2;
    }
    if (difference === 0) continue;
    const error = Math.sqrt(difference / Math.max(norm, Number.MIN_VALUE));
    if (!(error <= tolerance))
      return `elements ${from} to ${from + per - 1} differ by ${error.toExponential(1)}, allowed ${tolerance.toExponential(1)}`;
    worst = Math.max(worst, error);
  }
  return worst;
}
