import type { ChooseBlocks } from "../../src/engine/engine.ts";
import type { Architecture } from "../../src/model/architecture.ts";
import type { LayerWeights, Model, ModelWeights } from "../../src/model/model.ts";
import { computedTensor } from "../../src/model/tensor.ts";

/** The last blocks that a query sees. */
export function recent(a: Architecture): ChooseBlocks {
  return function recentBlocks(_layer, query, _kvHead, out) {
    const visible = Math.floor(query / a.block) + 1;
    const count = Math.min(visible, out.length);
    for (let slot = 0; slot < count; slot++) out[slot] = visible - count + slot;
    return count;
  };
}

/** Another choice for every layer, query and KV head, sometimes of fewer blocks than there is room for. */
export function scattered(a: Architecture): ChooseBlocks {
  return function scatteredBlocks(layer, query, kvHead, out) {
    const visible = Math.floor(query / a.block) + 1;
    const mixed = layer * 7 + query * 3 + kvHead * 5;
    const count = 1 + (mixed % Math.min(visible, out.length));
    const blocks = Array.from({ length: count }, (_, i) => (mixed + i) % visible).sort((x, y) => x - y);
    out.set(blocks);
    return count;
  };
}

/** The same model with sinks of `value` in the block-sparse branches. */
export function withSinks(model: Model, value: number): Model {
  // Layers that share an object go on sharing one: engines prepare weights once per object.
  const changed = new Map<LayerWeights, LayerWeights>();
  const loud = (layer: LayerWeights): LayerWeights => {
    const { sparse } = layer;
    if (sparse === undefined) return layer;
    return {
      ...layer,
      sparse: { ...sparse, sparseSinks: computedTensor([model.architecture.queryHeads], (out) => out.fill(value)) },
    };
  };
  const weights: ModelWeights = {
    ...model.weights,
    layer: (index) => {
      const layer = model.weights.layer(index);
      const known = changed.get(layer) ?? loud(layer);
      changed.set(layer, known);
      return known;
    },
  };
  return { ...model, weights };
}
