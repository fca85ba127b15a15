import type { DeviceTraits, GpuOp } from "../../../kernels/gpu-op.ts";
import { linearGpu, type LinearRun, type LinearShape } from "../../../kernels/linear/gpu.ts";

/** The form of each op for a device: on its matrix units where it has them and they fit the shape, else the portable one. */
export function linearOp(shape: LinearShape, traits: DeviceTraits): GpuOp<LinearRun> {
  return linearGpu(shape, traits);
}
