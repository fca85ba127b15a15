import type { Architecture, ScheduleKind } from "./architecture.ts";
import type { LayerWeights } from "./model.ts";
import { computedTensor, type LazyTensor } from "./tensor.ts";

/** Gathers one layer's tensors from a source that knows them by the names in tensors.ts, without the layer's prefix. */
export function assembleLayer(a: Architecture, kind: ScheduleKind, tensor: (name: string) => LazyTensor): LayerWeights {
  const noSinks = (): LazyTensor => computedTensor([a.queryHeads], (out) => out.fill(-Infinity));
  const sparse =
    kind === "sparse"
      ? {
          sparseGate: tensor("self_attn.sparse_gate_proj.weight"),
          windowGate: tensor("self_attn.window_gate_proj.weight"),
          sparseSinks: a.sinks ? tensor("self_attn.sparse_sinks") : noSinks(),
          windowSinks: a.sinks ? tensor("self_attn.window_sinks") : noSinks(),
        }
      : undefined;
  return {
    inputNorm: tensor("input_layernorm.weight"),
    q: tensor("self_attn.q_proj.weight"),
    k: tensor("self_attn.k_proj.weight"),
    v: tensor("self_attn.v_proj.weight"),
    o: tensor("self_attn.o_proj.weight"),
    postNorm: tensor("post_attention_layernorm.weight"),
    gate: tensor("mlp.gate_proj.weight"),
    up: tensor("mlp.up_proj.weight"),
    down: tensor("mlp.down_proj.weight"),
    ...(a.qkvBias === true && {
      qBias: tensor("self_attn.q_proj.bias"),
      kBias: tensor("self_attn.k_proj.bias"),
      vBias: tensor("self_attn.v_proj.bias"),
    }),
    ...(a.headNorm === true && { qNorm: tensor("self_attn.q_norm.weight"), kNorm: tensor("self_attn.k_norm.weight") }),
    ...(sparse && { sparse }),
  };
}
