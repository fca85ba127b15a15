import { basename } from "node:path";
import type { Decoder } from "../decoder.ts";
import { UserError } from "../errors.ts";
import type { LazyTensor } from "../tensor.ts";
import { finite } from "./finite.ts";
import { checkTensors, checkVocabulary } from "./fits.ts";
import type { OpenedCheckpoint } from "./format.ts";
import { GgufFile } from "./gguf-file.ts";
import { tokenizerOfGguf } from "./gguf-tokenizer.ts";
import { windowNote } from "./huggingface-config.ts";
import { denseArchitecture, LAID_OVER_NOTE } from "./laid-over.ts";
import { scaledRope } from "./rope-scaling.ts";

/** What sets an architecture of llama.cpp apart. */
interface Family {
  /** Rows of q and k pair neighbours for RoPE. */
  readonly interleaved: boolean;
  readonly more: Partial<Decoder>;
}

const FAMILIES: Readonly<Record<string, Family>> = {
  llama: { interleaved: true, more: {} },
  qwen2: { interleaved: false, more: { qkvBias: true } },
  qwen3: { interleaved: false, more: { headNorm: true } },
};

/** Our names by a file's; those of layers without their number. */
const OUTSIDE: Readonly<Record<string, string>> = {
  "token_embd.weight": "model.embed_tokens.weight",
  "output_norm.weight": "model.norm.weight",
  "output.weight": "lm_head.weight",
};
const INSIDE: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
};

/** Factors of RoPE's frequencies in files of Llama 3.1 and later, in place of a scaling in the metadata. */
const ROPE_FACTORS = "rope_freqs.weight";

/**
 * What can be refused by the header is refused before any weight is read; values that are not finite when an engine reads them.
 * @throws UserError when the file is damaged, or a model of another kind
 */
export async function openGguf(path: string): Promise<OpenedCheckpoint> {
  const file = GgufFile.open(path);
  const { metadata, tensors: stored } = file.header;
  const settings = new Settings(file, path);
  const decoder = await settings.decoder();
  const architecture = denseArchitecture(path, decoder, {});
  const tensors = new Map<string, LazyTensor>();
  for (const [name, tensor] of stored) {
    if (name === ROPE_FACTORS) continue;
    const ours = nameOf(name);
    const turned = settings.family.interleaved && /\.attn_[qk]\.weight$/.test(name);
    tensors.set(ours, finite(file.tensor(tensor, turned ? decoder.headDim : undefined), name, path));
  }
  checkTensors(
    tensors,
    { architecture, design: "full", weights: path, config: "its metadata" },
    "Convert the model again",
  );
  const tokenizer = tokenizerOfGguf(metadata, path);
  const notes = [
    ...settings.notes(decoder),
    LAID_OVER_NOTE,
    ...checkVocabulary(tokenizer.vocabulary, architecture, path),
  ];
  return { name: settings.name(), origin: "trained", design: "full", architecture, tensors, tokenizer, notes };
}

function nameOf(name: string): string {
  const [, layer, part, kind] = /^blk\.(\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
  const ours = INSIDE[part ?? ""];
  if (layer !== undefined && ours !== undefined) return `model.layers.${layer}.${ours}.${kind}`;
  return OUTSIDE[name] ?? name;
}

/** What a file's metadata says of its decoder. */
class Settings {
  readonly family: Family;
  readonly #file: GgufFile;
  readonly #path: string;
  /** What the keys of the model's own settings begin with. */
  readonly #kind: string;

  constructor(file: GgufFile, path: string) {
    this.#file = file;
    this.#path = path;
    const kind = file.header.metadata.get("general.architecture");
    this.#kind = typeof kind === "string" ? kind : "";
    const family = Object.hasOwn(FAMILIES, this.#kind) ? FAMILIES[this.#kind] : undefined;
    this.family =
      family ??
      this.#refuse(
        `models of the architecture ${JSON.stringify(this.#kind.slice(0, 40))} are not read from GGUF files; ` +
          `those of ${Object.keys(FAMILIES).join(", ")} are.`,
      );
  }

  name(): string {
    const given = this.#file.header.metadata.get("general.name");
    return typeof given === "string" && given !== "" ? given.slice(0, 200) : basename(this.#path);
  }

  /** @throws UserError for what is missing, or would be computed otherwise */
  async decoder(): Promise<Decoder> {
    const { metadata, tensors } = this.#file.header;
    if (Number(metadata.get("split.count") ?? 1) > 1) {
      this.#refuse("it is one of several parts. Merge them (llama-gguf-split --merge) and give the whole.");
    }
    if (this.#number("expert_count", 0) > 0) this.#refuse("mixtures of experts are not read.");
    const hidden = this.#needed("embedding_length");
    const queryHeads = this.#needed("attention.head_count");
    const headDim = this.#number("attention.key_length", Math.floor(hidden / queryHeads));
    for (const key of ["attention.value_length", "rope.dimension_count"]) {
      const given = this.#number(key, headDim);
      if (given !== headDim)
        this.#refuse(`${this.#kind}.${key} is ${given} and heads are of ${headDim}: such are not computed.`);
    }
    const ropeBase = this.#number("rope.freq_base", 10_000);
    const context = this.#needed("context_length");
    const window = this.#window();
    return {
      layers: this.#needed("block_count"),
      hidden,
      intermediate: this.#needed("feed_forward_length"),
      queryHeads,
      kvHeads: this.#number("attention.head_count_kv", queryHeads),
      headDim,
      vocabulary: tensors.get("token_embd.weight")?.shape[0] ?? this.#needed("vocab_size"),
      ropeBase,
      // Written as float32: the decimal that was meant is the shortest one that it stands for.
      normEps: Number(Math.fround(this.#needed("attention.layer_norm_rms_epsilon")).toPrecision(7)),
      maxContext: Math.min(context, window ?? Infinity),
      tieEmbeddings: !tensors.has("output.weight"),
      ...(await this.#rope(ropeBase, headDim)),
      ...this.family.more,
    };
  }

  notes({ maxContext }: Decoder): string[] {
    const window = this.#window();
    return window === undefined || window !== maxContext ? [] : [windowNote(window)];
  }

  #window(): number | undefined {
    const window = this.#number("attention.sliding_window", 0);
    return window > 0 && window < this.#needed("context_length") ? window : undefined;
  }

  async #rope(base: number, headDim: number): Promise<Partial<Decoder>> {
    const factors = this.#file.header.tensors.get(ROPE_FACTORS);
    if (factors !== undefined) {
      if (factors.shape.length !== 1 || factors.shape[0] !== headDim / 2) {
        this.#refuse(
          `${ROPE_FACTORS} is [${factors.shape.join(", ")}] and heads are of ${headDim}. Convert the model again.`,
        );
      }
      const values = new Float32Array(headDim / 2);
      await finite(this.#file.tensor(factors), ROPE_FACTORS, this.#path).read(values);
      return { ropeFactors: [...values] };
    }
    const kind = this.#file.header.metadata.get(`${this.#kind}.rope.scaling.type`) ?? "none";
    if (kind === "none") return {};
    if (kind !== "linear") {
      this.#refuse(
        `RoPE is scaled by ${JSON.stringify(String(kind).slice(0, 40))}, and only linear and ${ROPE_FACTORS} are read.`,
      );
    }
    return scaledRope({ kind: "linear", factor: this.#needed("rope.scaling.factor") }, base, headDim);
  }

  #needed(key: string): number {
    return this.#number(key) ?? this.#refuse(`its metadata lacks ${this.#kind}.${key}. Convert the model again.`);
  }

  #number(key: string): number | undefined;
  #number(key: string, otherwise: number): number;
  #number(key: string, otherwise?: number): number | undefined {
    const value = this.#file.header.metadata.get(`${this.#kind}.${key}`);
    if (value === undefined) return otherwise;
    if (typeof value !== "number") return this.#refuse(`${this.#kind}.${key} is no number. Convert the model again.`);
    return value;
  }

  #refuse(why: string): never {
    throw new UserError(`${this.#path}: ${why}`);
  }
}
