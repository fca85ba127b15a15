import type { Architecture } from "../../model/architecture.ts";
import type { ExtraTensors } from "../extra-weights.ts";
import { branchesOf, type LayerPlan } from "../plan.ts";

/** What a layer of NSA has beside a dense one's tensors: its k and v are those of the selection. */
export type NsaTensor =
  | `${"window" | "compress"}${"K" | "V"}`
  | `${"window" | "compress" | "select"}Gate`
  | `map${"K" | "V"}${"Position" | "Inner" | "Outer"}`;

/** K, V of window and compression, a gate per branch and query head, and the two maps of compression (kernels/compress-blocks). */
export function nsaTensors(a: Architecture, layer: LayerPlan): ExtraTensors<NsaTensor> {
  const { block } = branchesOf(layer).compressed;
  const { headDim: d } = a;
  const kv = [a.kvHeads * d, a.hidden];
  const gate = { shape: [a.queryHeads, a.hidden], makes: "gates" } as const;
  const [position, inner, outer] = [{ shape: [block, d] }, { shape: [d, block * d] }, { shape: [d, d] }];
  return {
    windowK: { shape: kv, makes: "keys" },
    windowV: { shape: kv, makes: "values" },
    compressK: { shape: kv, makes: "keys" },
    compressV: { shape: kv, makes: "values" },
    compressGate: gate,
    selectGate: gate,
    windowGate: gate,
    mapKPosition: position,
    mapKInner: inner,
    mapKOuter: outer,
    mapVPosition: position,
    mapVInner: inner,
    mapVOuter: outer,
  };
}
