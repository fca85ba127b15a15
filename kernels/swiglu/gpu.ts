import { singleOp, spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";

const WIDTH = 256;

/** y = gate * sigmoid(gate) * up; F = `intermediate`, a multiple of 4. Buffers, f32: gateUp [C, 2 F] as gate | up, y [C, F]. */
export function swigluGpu(
  { intermediate }: { readonly intermediate: number },
  traits: DeviceTraits,
): GpuOp<{ readonly rows: number }> {
  if (intermediate % 4 !== 0) throw new Error(`F = ${intermediate} is no multiple of 4`);
  const program: GpuProgram = {
    name: "swiglu/gated_product",
    sources: ["swiglu/gated_product.wgsl"],
    constants: { INTERMEDIATE: intermediate, WIDTH },
    bindings: { gateUp: "read", y: "read_write" },
    params: { rows: "u32", stride: "u32" },
  };
  return singleOp(program, ({ rows }) =>
    spreadDispatch(program, traits, Math.ceil((rows * intermediate) / (4 * WIDTH)), { rows }),
  );
}
