import type { DesignId } from "../designs/designs.ts";
import type { Architecture } from "./architecture.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** The extra tensors of a sparse layer. Gates are [gates, hidden]; sinks are one logit per query head. */
export interface SparseWeights {
  /** W_g~ of eq. 9, the gate of the block-sparse branch: [Hq or Hq * d, hidden]. */
  readonly sparseGate: Float32Array;
  /** W_g' of eq. 9, the gate of the sliding-window branch: same shape. */
  readonly windowGate: Float32Array;
  /** Sink logits [Hq]; minus infinity where the architecture has no sinks. */
  readonly sparseSinks: Float32Array;
  readonly windowSinks: Float32Array;
}

/** One layer's tensors, row-major [out, in] as PyTorch's Linear stores them. Sparse layers' k, v feed their window. */
export interface LayerWeights {
  readonly inputNorm: Float32Array;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly o: Float32Array;
  readonly postNorm: Float32Array;
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly down: Float32Array;
  /** Present exactly in the layers whose mixer needs it, under the design that the weights were made for. */
  readonly sparse?: SparseWeights;
}

/**
 * Where an engine gets its weights. `layer` may return the same object for several layers (synthetic presets do, so that
 * a 7B shape fits a laptop): an engine that prepares weights keys its cache by the returned object.
 */
export interface ModelWeights {
  /** [vocabulary, hidden] */
  readonly embedding: Float32Array;
  /** [hidden] */
  readonly finalNorm: Float32Array;
  /** [vocabulary, hidden]; the very same array as `embedding` when tied. */
  readonly head: Float32Array;
  layer(index: number): LayerWeights;
}

export type WeightsOrigin = "trained" | "synthetic";

/** A model ready to be run: shape, weights, tokenizer, and what a reader of a report must know about it. */
export interface Model {
  readonly name: string;
  readonly origin: WeightsOrigin;
  /** What the weights were made for: they hold the tensors that this design needs beside a dense model's, and no others. */
  readonly design: DesignId;
  readonly architecture: Architecture;
  readonly weights: ModelWeights;
  readonly tokenizer: Tokenizer;
  /** Parameters that the architecture implies (not bytes held: synthetic presets hold fewer). */
  readonly parameters: number;
  /** SHA-256 of the weights file, for checkpoints. */
  readonly sha256?: string;
  /** Plain sentences for the card and the report: which widths are ours, what the weights mean. */
  readonly notes: readonly string[];
}
