import { singleOp, spreadDispatch, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";

const WIDTH = 256;

/** x[c] = table[tokens[c]]; E = `hidden`, a multiple of 4. Buffers: tokens u32 [C], each below V; table halves [V, E]; x f32 [C, E]. */
export function embeddingGpu(
  { hidden }: { readonly hidden: number },
  traits: DeviceTraits,
): GpuOp<{ readonly rows: number }> {
  if (hidden % 4 !== 0) throw new Error(`E = ${hidden} is no multiple of 4`);
  const program: GpuProgram = {
    name: "embedding/table_rows",
    sources: ["embedding/table_rows.wgsl"],
    constants: { HIDDEN: hidden, WIDTH },
    bindings: { tokens: "read", table: "read", x: "read_write" },
    params: { rows: "u32", stride: "u32" },
  };
  return singleOp(program, ({ rows }) =>
    spreadDispatch(program, traits, Math.ceil((rows * hidden) / (4 * WIDTH)), { rows }),
  );
}
