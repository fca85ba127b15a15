import { z } from "zod";
import type { Architecture } from "../architecture.ts";
import type { Decoder } from "../decoder.ts";
import { UserError } from "../errors.ts";
import { explainIssues } from "../explain.ts";
import { denseArchitecture } from "./laid-over.ts";
import { scaledRope, type RopeScaling } from "./rope-scaling.ts";

const count = z.int().positive();

const ropeSchema = z.object({
  rope_theta: z.number().positive().optional(),
  rope_type: z.string().optional(),
  /** The name of rope_type in older files. */
  type: z.string().optional(),
  factor: z.number().positive().optional(),
  low_freq_factor: z.number().positive().optional(),
  high_freq_factor: z.number().positive().optional(),
  original_max_position_embeddings: count.optional(),
  beta_fast: z.number().positive().nullish(),
  beta_slow: z.number().positive().nullish(),
  attention_factor: z.number().positive().nullish(),
  mscale: z.number().nullish(),
  mscale_all_dim: z.number().nullish(),
  truncate: z.boolean().default(true),
});

const configSchema = z.object({
  model_type: z.string(),
  num_hidden_layers: count,
  hidden_size: count,
  intermediate_size: count,
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  vocab_size: count,
  max_position_embeddings: count,
  rms_norm_eps: z.number().positive(),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: ropeSchema.nullish(),
  /** What transformers 5 writes in place of the two above. */
  rope_parameters: ropeSchema.nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  hidden_act: z.string().default("silu"),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  partial_rotary_factor: z.number().nullish(),
  sliding_window: count.nullish(),
  use_sliding_window: z.boolean().nullish(),
  layer_types: z.array(z.string()).nullish(),
  no_rope_layers: z.array(z.int()).nullish(),
  no_rope_layer_interval: count.nullish(),
  quantization_config: z.object({ quant_method: z.string().optional() }).nullish(),
});

type Config = z.infer<typeof configSchema>;

/** What sets a family apart from the others. */
interface Family {
  readonly ropeTheta: number;
  readonly tied: boolean;
  /** Whether a window that the file gives is used unless the file says otherwise. */
  readonly slides: boolean;
  readonly more?: (config: Config) => Partial<Decoder>;
}

/** By model_type, with the defaults that transformers has for what a file leaves out. */
const FAMILIES: Readonly<Record<string, Family>> = {
  llama: { ropeTheta: 10_000, tied: false, slides: false },
  mistral: { ropeTheta: 10_000, tied: false, slides: true },
  qwen2: { ropeTheta: 10_000, tied: false, slides: false, more: () => ({ qkvBias: true }) },
  qwen3: { ropeTheta: 10_000, tied: false, slides: false, more: () => ({ headNorm: true }) },
  smollm3: { ropeTheta: 2_000_000, tied: true, slides: false, more: withoutRope },
};

export const FAMILY_NAMES: readonly string[] = Object.keys(FAMILIES);

const NAMES = {
  layers: "num_hidden_layers",
  hidden: "hidden_size",
  intermediate: "intermediate_size",
  queryHeads: "num_attention_heads",
  kvHeads: "num_key_value_heads",
  headDim: "head_dim",
  vocabulary: "vocab_size",
  ropeBase: "rope_theta",
  normEps: "rms_norm_eps",
  maxContext: "max_position_embeddings",
} as const satisfies Partial<Record<keyof Decoder, string>>;

/** What a config.json of transformers says. */
export interface HuggingFaceConfig {
  readonly architecture: Architecture;
  readonly notes: readonly string[];
}

/**
 * Reads the config.json of a dense decoder of a family that is known. Whatever would compute otherwise than ours is refused.
 * @param source how to call the file in messages
 * @throws UserError naming the file, the field and the families that are read
 */
export function readHuggingFaceConfig(json: string, source: string): HuggingFaceConfig {
  const raw = parse(json, source);
  const refuse = (why: string): never => {
    throw new UserError(`${source}: ${why}`);
  };
  const kind = z.object({ model_type: z.string() }).safeParse(raw);
  const type = kind.success ? kind.data.model_type : "";
  const family = Object.hasOwn(FAMILIES, type) ? FAMILIES[type] : undefined;
  if (family === undefined) {
    return refuse(
      `models of the type ${JSON.stringify(type.slice(0, 60))} are not read; those of the types ${FAMILY_NAMES.join(", ")} are.`,
    );
  }
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) return refuse(`${explainIssues(parsed.error)}. Download the file again.`);
  const config = parsed.data;
  refuseOtherwise(config, refuse);

  const headDim = config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads);
  const ropeBase = config.rope_parameters?.rope_theta ?? config.rope_theta ?? family.ropeTheta;
  const window = windowOf(config, family);
  const decoder: Decoder = {
    layers: config.num_hidden_layers,
    hidden: config.hidden_size,
    intermediate: config.intermediate_size,
    queryHeads: config.num_attention_heads,
    kvHeads: config.num_key_value_heads ?? config.num_attention_heads,
    headDim,
    vocabulary: config.vocab_size,
    ropeBase,
    normEps: config.rms_norm_eps,
    maxContext: Math.min(config.max_position_embeddings, window ?? Infinity),
    tieEmbeddings: config.tie_word_embeddings ?? family.tied,
    ...(headDim <= 1024 ? scaledRope(scalingOf(config, refuse), ropeBase, headDim) : {}),
    ...family.more?.(config),
  };
  return {
    architecture: denseArchitecture(source, decoder, NAMES),
    notes: window === undefined || window >= config.max_position_embeddings ? [] : [windowNote(window)],
  };
}

/** Where sliding layers see all there is: beyond that, and only beyond, the model would compute otherwise. */
export function windowNote(window: number): string {
  return (
    `The model has layers with a window of ${window} tokens: so many of a document are read, within which those layers are ` +
    "full ones. What is written after it sees all of it."
  );
}

function parse(json: string, source: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UserError(`${source} is not JSON: ${(error as Error).message}. Download the file again.`);
  }
}

function refuseOtherwise(config: Config, refuse: (why: string) => never): void {
  const { quantization_config: quantized, hidden_act: act, partial_rotary_factor: partial } = config;
  if (quantized) {
    refuse(
      `the weights are quantized (${quantized.quant_method?.slice(0, 40) ?? "by a method without a name"}), and only ` +
        "safetensors of the types F32, F16 and BF16 are read. Take the model as it was published, or as a GGUF file.",
    );
  }
  if (act !== "silu") refuse(`hidden_act is ${JSON.stringify(act.slice(0, 40))}, and only silu is computed.`);
  if (config.attention_bias === true)
    refuse("attention_bias is true, and a bias of the output projection is not computed.");
  if (config.mlp_bias === true) refuse("mlp_bias is true, and biases of the MLP are not computed.");
  if (partial != null && partial !== 1)
    refuse(`partial_rotary_factor is ${partial}, and only whole heads are rotated.`);
  const strange = config.layer_types?.find((type) => type !== "full_attention" && type !== "sliding_attention");
  if (strange !== undefined)
    refuse(`layer_types holds ${JSON.stringify(strange.slice(0, 40))}, which is not computed.`);
}

/** Tokens of the smallest window of a layer, where some layer has one. */
function windowOf(config: Config, family: Family): number | undefined {
  const slides =
    config.layer_types == null
      ? (config.use_sliding_window ?? family.slides)
      : config.layer_types.includes("sliding_attention");
  return slides ? (config.sliding_window ?? undefined) : undefined;
}

function withoutRope({ num_hidden_layers: layers, no_rope_layers: uses, no_rope_layer_interval: every }: Config) {
  // The list says 1 where a layer does rotate.
  const still = (layer: number): boolean => (uses == null ? (layer + 1) % (every ?? 4) === 0 : uses[layer] === 0);
  const noRope = Array.from({ length: Math.min(layers, 1024) }, (_, layer) => layer).filter(still);
  return noRope.length === 0 ? {} : { noRope };
}

function scalingOf(config: Config, refuse: (why: string) => never): RopeScaling | undefined {
  const rope = config.rope_parameters ?? config.rope_scaling;
  const kind = rope?.rope_type ?? rope?.type ?? "default";
  if (rope == null || kind === "default") return undefined;
  const needed = (name: "factor" | "low_freq_factor" | "high_freq_factor"): number =>
    rope[name] ?? refuse(`RoPE is scaled by ${kind} without ${name}. Download the file again.`);
  const original = rope.original_max_position_embeddings ?? config.max_position_embeddings;
  switch (kind) {
    case "linear":
      return { kind, factor: needed("factor") };
    case "llama3":
      return {
        kind,
        factor: needed("factor"),
        lowFrequencyFactor: needed("low_freq_factor"),
        highFrequencyFactor: needed("high_freq_factor"),
        original,
      };
    case "yarn":
      if (rope.mscale && rope.mscale_all_dim) refuse("RoPE is scaled by yarn with mscale, which is not computed.");
      return {
        kind,
        factor: needed("factor"),
        original,
        betaFast: rope.beta_fast ?? 32,
        betaSlow: rope.beta_slow ?? 1,
        attentionFactor: rope.attention_factor ?? undefined,
        truncate: rope.truncate,
      };
    default:
      return refuse(
        `RoPE is scaled by ${JSON.stringify(kind.slice(0, 40))}, and only linear, llama3 and yarn are computed.`,
      );
  }
}
