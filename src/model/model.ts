import type { DesignId } from "../designs/designs.ts";
import type { Architecture } from "./architecture.ts";
import type { LazyTensor } from "./tensor.ts";
import type { Tokenizer } from "./tokenizer.ts";

/**
 * Weights come as tensors that are read when an engine loads them; `T` is what an engine has made of each, float32 arrays
 * on the CPU. The extra tensors of a sparse layer: gates are [gates, hidden]; sinks are one logit per query head.
 */
export interface SparseWeights<T = LazyTensor> {
  /** W_g~ of eq. 9, the gate of the block-sparse branch: [Hq or Hq * d, hidden]. */
  readonly sparseGate: T;
  /** W_g' of eq. 9, the gate of the sliding-window branch: same shape. */
  readonly windowGate: T;
  /** Sink logits [Hq]; minus infinity where the architecture has no sinks. */
  readonly sparseSinks: T;
  readonly windowSinks: T;
}

/** One layer's tensors, row-major [out, in] as PyTorch's Linear stores them. Sparse layers' k, v feed their window. */
export interface LayerWeights<T = LazyTensor> {
  readonly inputNorm: T;
  readonly q: T;
  readonly k: T;
  readonly v: T;
  readonly o: T;
  readonly postNorm: T;
  readonly gate: T;
  readonly up: T;
  readonly down: T;
  /** Biases [Hq d], [Hkv d], [Hkv d], where the decoder has them (`qkvBias`). */
  readonly qBias?: T;
  readonly kBias?: T;
  readonly vBias?: T;
  /** RMSNorm of each head's q and k, [d], where the decoder has them (`headNorm`). */
  readonly qNorm?: T;
  readonly kNorm?: T;
  /** Present exactly in the layers whose mixer needs it, under the design that the weights were made for. */
  readonly sparse?: SparseWeights<T>;
  /** What else the mixer of the design that is run needs, by the names in src/designs: see extra-weights.ts. */
  readonly extra?: Readonly<Record<string, T>>;
}

/**
 * Where an engine gets its weights. `layer` may return the same object for several layers (synthetic presets do, so that
 * a 7B shape fits a laptop): an engine that prepares weights keys its cache by the returned object.
 */
export interface ModelWeights<T = LazyTensor> {
  /** [vocabulary, hidden] */
  readonly embedding: T;
  /** [hidden] */
  readonly finalNorm: T;
  /** [vocabulary, hidden]; the very same object as `embedding` when tied. */
  readonly head: T;
  layer(index: number): LayerWeights<T>;
}

export type WeightsOrigin = "trained" | "synthetic";

/** A model ready to be run: shape, weights, tokenizer, and what a reader of a report must know about it. */
export interface Model<T = LazyTensor> {
  readonly name: string;
  readonly origin: WeightsOrigin;
  /** What the weights were made for: they hold the tensors that this design needs beside a dense model's, and no others. */
  readonly design: DesignId;
  readonly architecture: Architecture;
  readonly weights: ModelWeights<T>;
  readonly tokenizer: Tokenizer;
  /** Parameters that the architecture implies (not bytes held: synthetic presets hold fewer). */
  readonly parameters: number;
  /** SHA-256 of the weights file, for checkpoints. */
  readonly sha256?: string;
  /** Plain sentences for the card and the report: which widths are ours, what the weights mean. */
  readonly notes: readonly string[];
}
