import { CHECKPOINT_DESIGNS } from "../designs/designs.ts";
import type { Architecture, ScheduleKind } from "./architecture.ts";
import { UserError } from "./errors.ts";
import { assembleLayer } from "./layer-weights.ts";
import type { LayerWeights, Model, ModelWeights } from "./model.ts";
import { Random, seededNormals, seedOf } from "./random.ts";
import { computedTensor, type LazyTensor } from "./tensor.ts";
import { layerPrefix, layerShapes, parameterCount, tensorKinds } from "./tensors.ts";
import type { Tokenizer } from "./tokenizer.ts";

export const RANDOM_WEIGHTS_NOTE =
  "The weights are random: latency and memory are real, text and selections mean nothing.";

export interface SyntheticOptions {
  readonly seed: number;
  /**
   * true: every layer has its own independent values (tests). false: one object per layer kind serves all its layers and
   * both kinds share their large arrays, all cut from one pool of values, so that a 7B shape takes 1.3 GB and a second.
   */
  readonly perLayer: boolean;
  readonly notes?: readonly string[];
}

/**
 * Values in the pool. Prime, so that no row length divides it: equal rows, which would make equal keys and equal scores,
 * cannot come from repeating the pool.
 */
const POOL = 1_000_003;

/**
 * A model with seeded random weights: its speed and memory are real, its outputs and selections mean nothing. Values are
 * made when an engine reads them, the same every time.
 *
 * Values are normal with deviation 1 / sqrt(inputs), which keeps activations near 1; the two projections that write to
 * the residual stream are divided by sqrt(2 * layers) as in GPT-2, norms are 1 and sinks standard normal.
 *
 * @throws UserError when the tokenizer has ids that the embedding lacks
 */
export function syntheticModel(
  name: string,
  architecture: Architecture,
  tokenizer: Tokenizer,
  { seed, perLayer, notes = [] }: SyntheticOptions,
): Model {
  if (tokenizer.vocabulary > architecture.vocabulary) {
    throw new UserError(
      `${name} has ${architecture.vocabulary} embedding rows but the tokenizer ${tokenizer.vocabulary} tokens.`,
    );
  }
  return {
    name,
    origin: "synthetic",
    design: CHECKPOINT_DESIGNS[0],
    architecture,
    weights: perLayer ? new PerLayerWeights(architecture, seed) : new SharedWeights(architecture, seed),
    tokenizer,
    parameters: parameterCount(architecture),
    notes: [RANDOM_WEIGHTS_NOTE, ...notes],
  };
}

/** Deviation of a tensor's values, or undefined where they are all 1. */
function deviation(a: Architecture, name: string, shape: readonly number[]): number | undefined {
  if (name.includes("norm")) return undefined;
  if (name.endsWith("_sinks")) return 1;
  const inputs = shape.at(-1) ?? 1;
  const residual = name.endsWith("o_proj.weight") || name.endsWith("down_proj.weight");
  return 1 / Math.sqrt(inputs * (residual ? 2 * a.layers : 1));
}

abstract class SyntheticWeights implements ModelWeights {
  protected readonly architecture: Architecture;
  protected readonly seed: number;
  readonly #tensors = new Map<string, LazyTensor>();
  readonly #layers = new Map<string, LayerWeights>();

  constructor(architecture: Architecture, seed: number) {
    this.architecture = architecture;
    this.seed = seed;
  }

  /** Normal values of this deviation for the tensor called `name`, from the one at `from` on; the same on every call. */
  protected abstract fill(out: Float32Array, from: number, name: string, deviation: number): void;

  abstract get head(): LazyTensor;
  abstract layer(index: number): LayerWeights;

  get embedding(): LazyTensor {
    return this.tensor("model.embed_tokens.weight", [this.architecture.vocabulary, this.architecture.hidden]);
  }

  get finalNorm(): LazyTensor {
    return this.tensor("model.norm.weight", [this.architecture.hidden]);
  }

  protected tensor(name: string, shape: readonly number[]): LazyTensor {
    const spread = deviation(this.architecture, name, shape);
    const tensor =
      this.#tensors.get(name) ??
      computedTensor(shape, (out, from) => {
        if (spread === undefined) out.fill(1);
        else this.fill(out, from, name, spread);
      });
    this.#tensors.set(name, tensor);
    return tensor;
  }

  /** The layer whose tensors' names start with `prefix`, made once. */
  protected assemble(key: string, prefix: string, kind: ScheduleKind): LayerWeights {
    const shapes = layerShapes(this.architecture, kind);
    const layer =
      this.#layers.get(key) ??
      assembleLayer(this.architecture, kind, (name) => this.tensor(`${prefix}.${name}`, shapes.get(name) ?? []));
    this.#layers.set(key, layer);
    return layer;
  }

  protected kind(index: number): ScheduleKind {
    const kind = tensorKinds(this.architecture, CHECKPOINT_DESIGNS[0])[index];
    if (kind === undefined) throw new RangeError(`there is no layer ${index}`);
    return kind;
  }
}

class PerLayerWeights extends SyntheticWeights {
  protected override fill(out: Float32Array, from: number, name: string, deviation: number): void {
    seededNormals(this.seed, name, deviation)(out, from);
  }

  override get head(): LazyTensor {
    const { tieEmbeddings, vocabulary, hidden } = this.architecture;
    return tieEmbeddings ? this.embedding : this.tensor("lm_head.weight", [vocabulary, hidden]);
  }

  override layer(index: number): LayerWeights {
    return this.assemble(String(index), layerPrefix(index), this.kind(index));
  }
}

class SharedWeights extends SyntheticWeights {
  #pool: Float32Array | undefined;

  /** The pool again and again, from a place that the name decides: copying is far faster than generating. */
  protected override fill(out: Float32Array, from: number, name: string, deviation: number): void {
    const pool = (this.#pool ??= new Random(this.seed).gaussians(POOL));
    let next = (new Random(seedOf(this.seed, name)).below(POOL) + from) % POOL;
    for (let i = 0; i < out.length; i++) {
      out[i] = (pool[next] as number) * deviation;
      next = next + 1 === POOL ? 0 : next + 1;
    }
  }

  /** The embedding itself, tied or not: a second half gigabyte of random numbers would measure nothing more. */
  override get head(): LazyTensor {
    return this.embedding;
  }

  /** One object per kind, and no kind in the names of the tensors, so that both kinds get the same tensors. */
  override layer(index: number): LayerWeights {
    const kind = this.kind(index);
    return this.assemble(kind, "shared", kind);
  }
}
