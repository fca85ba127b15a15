import type { DeviceTraits } from "./gpu-op.ts";

/** What must stand first in a module that uses matrix units; nothing where they are emulated. */
export function matrixDirectives({ matrix }: DeviceTraits, { shuffles = false } = {}): readonly string[] {
  if (matrix !== "units") return [];
  return [
    ...(shuffles ? ["enable subgroups;"] : []),
    "enable chromium_experimental_subgroup_matrix;",
    "diagnostic(off, chromium.subgroup_matrix_uniformity);",
  ];
}
