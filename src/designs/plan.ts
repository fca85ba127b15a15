import { compressedBlocks, type Strides } from "../../kernels/compress-blocks/compress-blocks.ts";

/** What a layer keeps of its own keys and values for a context of T tokens. */
export type KeptStream =
  /** Every token: T rows. With `means`, the mean key of every block of so many tokens, too, the last one filling or not. */
  | { readonly kind: "all"; readonly means?: number }
  /** The last `tokens`, in a ring, and the `first` of the context for good: min(T, tokens + first) rows. */
  | { readonly kind: "ring"; readonly tokens: number; readonly first?: number }
  /** One key and one value for every block of tokens that are all there: see compressedBlocks. */
  | ({ readonly kind: "compressed" } & Strides);

/** How a layer attends, by what engines have to compute between projection and output projection. */
export type MixerId = "full" | "sparse" | "window" | "streaming" | "moba" | "nsa" | "reuse";

/** How every query head chooses for itself among the blocks of the layer's own keys, by the means that it keeps of them. */
export interface MeanGate {
  /** Blocks that are read at most, the one that the query stands in included: that one is always read. */
  readonly top: number;
  /** Tokens that are decoded read everything instead. */
  readonly decode: "chosen" | "dense";
}

/** How blocks are chosen. */
export interface BlockChoice {
  /** Tokens of a block, B. */
  readonly block: number;
  /** Blocks that a query reads at most, per KV head: k / B, and those that are forced. */
  readonly slots: number;
  /** How many blocks, from the first on and back from the query's own, are always read and so no part of the choice. */
  readonly forced?: { readonly first: number; readonly last: number };
}

/** What one layer does under a design. Engines know this and nothing of designs. */
export interface LayerPlan {
  readonly mixer: MixerId;
  readonly keeps: KeptStream;
  /** Further keys and values, each of projections of its own or made of such; in the order that the mixer knows. */
  readonly more?: readonly KeptStream[];
  /** The earlier layer whose keys, values and selection it reads beside its own. */
  readonly readsFrom?: number;
  /** The earlier layer by whose selection it reads its own keys and values. */
  readonly chosenBy?: number;
  /** It scores every block of its keys, and the choice made from the scores can be asked for. */
  readonly scores: boolean;
  /** In layers that score blocks, or read those that another chose; the same in all of a plan. */
  readonly choice?: BlockChoice;
  /** Of a layer that keeps `means`. */
  readonly gate?: MeanGate;
  /** Of a layer that keeps compressed keys: how the weights of these choose blocks of its own keys, per KV head. */
  readonly selects?: BlockChoice;
  /** The later layers that read its selection, ascending; empty where nobody does. */
  readonly feeds: readonly number[];
}

/** Everything that a layer keeps of its own. */
export function streamsOf({ keeps, more = [] }: Pick<LayerPlan, "keeps" | "more">): readonly KeptStream[] {
  return [keeps, ...more];
}

/** Vectors [Hkv, d] that some streams hold for `tokens` in context: keys, values, and means of keys. */
export function keptVectors(streams: readonly KeptStream[], tokens: number): number {
  return streams.reduce((sum, stream) => {
    const means = stream.kind === "all" && stream.means !== undefined ? Math.ceil(tokens / stream.means) : 0;
    return sum + 2 * keptRows(stream, tokens) + means;
  }, 0);
}

/** Rows of keys (and of values) that a stream holds for `tokens` in context. */
export function keptRows(keeps: KeptStream, tokens: number): number {
  if (keeps.kind === "compressed") return compressedBlocks(keeps, tokens);
  return keeps.kind === "all" ? tokens : Math.min(tokens, keeps.tokens + (keeps.first ?? 0));
}

type Ring = Extract<KeptStream, { kind: "ring" }>;

/** What a layer of three branches keeps beside all its keys and values, as its plan lists it, and how it chooses of these. */
export interface Branches {
  readonly window: Ring;
  /** The last tokens, of which the next compressed key and value are made. */
  readonly pending: Ring;
  readonly compressed: Extract<KeptStream, { kind: "compressed" }>;
  readonly selects: BlockChoice;
}

/** @throws Error for a layer without such branches */
export function branchesOf({ more = [], selects }: Pick<LayerPlan, "more" | "selects">): Branches {
  const [window, pending, compressed] = more;
  if (window?.kind !== "ring" || pending?.kind !== "ring" || compressed?.kind !== "compressed" || !selects) {
    throw new Error("a layer without a window and compressed keys beside its own was asked for its branches");
  }
  return { window, pending, compressed, selects };
}

/** How the query heads of a layer choose blocks of its own keys, and how many tokens a block has. */
export interface BlockGate extends MeanGate {
  readonly block: number;
}

/** @throws Error for a layer that does not choose so */
export function gateOf({ keeps, gate }: Pick<LayerPlan, "keeps" | "gate">): BlockGate {
  if (gate === undefined || keeps.kind !== "all" || keeps.means === undefined) {
    throw new Error("a layer without a gate or the means of its blocks chooses none of them");
  }
  return { ...gate, block: keeps.means };
}

/** The earlier layer whose selection a layer reads through, whosever keys and values. */
export function throughOf({ readsFrom, chosenBy }: Pick<LayerPlan, "readsFrom" | "chosenBy">): number | undefined {
  return readsFrom ?? chosenBy;
}

/** How a layer chooses, or chose whose blocks it reads. @throws Error where no block is chosen */
export function choiceIn({ choice }: Pick<LayerPlan, "choice">): BlockChoice {
  if (choice === undefined) throw new Error("a layer that has to do with no choice of blocks was asked for it");
  return choice;
}
