/** What a layer keeps of its own keys and values for a context of T tokens. */
export type KeptStream =
  /** Every token: T rows. */
  | { readonly kind: "all" }
  /** The last `tokens`, in a ring, and the `first` of the context for good: min(T, tokens + first) rows. */
  | { readonly kind: "ring"; readonly tokens: number; readonly first?: number };

/** How a layer attends, by what engines have to compute between projection and output projection. */
export type MixerId = "full" | "sparse" | "window" | "streaming";

/** How blocks are chosen. */
export interface BlockChoice {
  /** Tokens of a block, B. */
  readonly block: number;
  /** Blocks that a query reads at most, per KV head: k / B. */
  readonly slots: number;
}

/** What one layer does under a design. Engines know this and nothing of designs. */
export interface LayerPlan {
  readonly mixer: MixerId;
  readonly keeps: KeptStream;
  /** The earlier layer whose keys, values and selection it reads beside its own. */
  readonly readsFrom?: number;
  /** It scores every block of its keys, and the choice made from the scores can be asked for. */
  readonly scores: boolean;
  /** In layers that score blocks, or read those that another chose; the same in all of a plan. */
  readonly choice?: BlockChoice;
  /** The later layers that read its selection, ascending; empty where nobody does. */
  readonly feeds: readonly number[];
}

/** Rows of keys (and of values) that a stream holds for `tokens` in context. */
export function keptRows(keeps: KeptStream, tokens: number): number {
  return keeps.kind === "all" ? tokens : Math.min(tokens, keeps.tokens + (keeps.first ?? 0));
}

/** How a layer chooses, or chose whose blocks it reads. @throws Error where no block is chosen */
export function choiceIn({ choice }: Pick<LayerPlan, "choice">): BlockChoice {
  if (choice === undefined) throw new Error("a layer that has to do with no choice of blocks was asked for it");
  return choice;
}
