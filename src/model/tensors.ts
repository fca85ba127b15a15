import { CHECKPOINT_DESIGNS, planOf, type DesignId } from "../designs/designs.ts";
import { MIXERS } from "../designs/mixers.ts";
import type { Architecture, ScheduleKind } from "./architecture.ts";
import { valueCount } from "./tensor.ts";

/** Shapes by a tensor's name, row-major, [out, in] for projections as PyTorch's Linear stores them. */
export type TensorShapes = ReadonlyMap<string, readonly number[]>;

export function layerPrefix(layer: number): string {
  return `model.layers.${layer}`;
}

/** Whose tensors each layer has: those of a sparse layer where gates are projected, else those of a full one. */
export function tensorKinds(a: Architecture, design: DesignId): ScheduleKind[] {
  return planOf(a, design).map(({ mixer }) => (MIXERS[mixer].gated ? "sparse" : "full"));
}

/** The tensors of one layer, named without the layer's prefix. */
export function layerShapes(a: Architecture, kind: ScheduleKind): TensorShapes {
  const queries = a.queryHeads * a.headDim;
  const keys = a.kvHeads * a.headDim;
  const shapes = new Map<string, readonly number[]>([
    ["input_layernorm.weight", [a.hidden]],
    ["self_attn.q_proj.weight", [queries, a.hidden]],
    ["self_attn.k_proj.weight", [keys, a.hidden]],
    ["self_attn.v_proj.weight", [keys, a.hidden]],
    ["self_attn.o_proj.weight", [a.hidden, queries]],
    ["post_attention_layernorm.weight", [a.hidden]],
    ["mlp.gate_proj.weight", [a.intermediate, a.hidden]],
    ["mlp.up_proj.weight", [a.intermediate, a.hidden]],
    ["mlp.down_proj.weight", [a.hidden, a.intermediate]],
  ]);
  if (a.qkvBias === true) {
    shapes.set("self_attn.q_proj.bias", [queries]);
    shapes.set("self_attn.k_proj.bias", [keys]);
    shapes.set("self_attn.v_proj.bias", [keys]);
  }
  if (a.headNorm === true) {
    shapes.set("self_attn.q_norm.weight", [a.headDim]);
    shapes.set("self_attn.k_norm.weight", [a.headDim]);
  }
  if (kind === "sparse") {
    const gates = a.gate === "head" ? a.queryHeads : queries;
    shapes.set("self_attn.sparse_gate_proj.weight", [gates, a.hidden]);
    shapes.set("self_attn.window_gate_proj.weight", [gates, a.hidden]);
    if (a.sinks) {
      shapes.set("self_attn.sparse_sinks", [a.queryHeads]);
      shapes.set("self_attn.window_sinks", [a.queryHeads]);
    }
  }
  return shapes;
}

/** Every tensor that a checkpoint of this architecture holds. */
export function tensorShapes(a: Architecture, design: DesignId = CHECKPOINT_DESIGNS[0]): TensorShapes {
  const shapes = new Map<string, readonly number[]>([["model.embed_tokens.weight", [a.vocabulary, a.hidden]]]);
  for (const [layer, kind] of tensorKinds(a, design).entries()) {
    for (const [name, shape] of layerShapes(a, kind)) shapes.set(`${layerPrefix(layer)}.${name}`, shape);
  }
  shapes.set("model.norm.weight", [a.hidden]);
  if (!a.tieEmbeddings) shapes.set("lm_head.weight", [a.vocabulary, a.hidden]);
  return shapes;
}

/** Parameters of an architecture: the values of all its tensors, a tied head counted once. */
export function parameterCount(a: Architecture, design: DesignId = CHECKPOINT_DESIGNS[0]): number {
  return [...tensorShapes(a, design).values()].reduce((sum, shape) => sum + valueCount(shape), 0);
}
