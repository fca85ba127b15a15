import type { Architecture } from "../../model/architecture.ts";
import { UserError, words, type Words } from "../../model/errors.ts";
import { inherited } from "../fidelity.ts";
import { keptShortage, type Shortage } from "../kept-shortage.ts";
import type { ProfileRequest } from "../request.ts";
import { sampledQueries } from "../sampled-queries.ts";

/** What a map is drawn of. */
export interface MapPlan {
  /** With the block and the window of the design whose choice it is. */
  readonly a: Architecture;
  /** Budget of the errors, in tokens. */
  readonly k: number;
  /** Numbers of blocks, ascending; k's is among them. */
  readonly counts: readonly number[];
  /** Ascending; all see more than k tokens. */
  readonly positions: readonly number[];
  /** Some of them. */
  readonly errorPositions: readonly number[];
}

const MOST_QUERIES = 128;

/** Multiply-adds that may go into errors: half a minute on one core. Wide models have theirs measured at fewer queries. */
const MOST_WORK = 4e10;
const FEWEST_ERRORS = 8;

/** Numbers of blocks that a map is drawn for. */
const COUNTS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];

/** Of a document, where nobody says how much a query may read. */
const USUAL_SHARE = 1 / 8;

/**
 * What the map of a document of so many tokens is drawn of. The budget is what was asked for, else the model's own k or an
 * eighth of the document, whichever is less, in whole blocks.
 * @throws UserError when no query sees more than it may read
 */
export function mapPlan(request: ProfileRequest, tokens: number): MapPlan {
  const a = inherited(request);
  const { oracleMap: asked = "auto" } = request;
  const usual = Math.min(a.selectedTokens, tokens * USUAL_SHARE);
  const k = asked === "auto" ? a.block * Math.max(1, Math.floor(usual / a.block)) : asked;
  const positions = sampledQueries({ selectedTokens: k }, tokens, MOST_QUERIES);
  if (positions.length === 0) {
    throw new UserError(`the document has ${tokens} tokens, and every block is chosen up to ${k} tokens`);
  }
  return { a, k, counts: mapCounts(a, k, tokens), positions, errorPositions: thinned(positions, affordable(a)) };
}

/** Numbers of blocks to draw maps for: k's among them, and none of more than half the document but that. */
export function mapCounts({ block }: Pick<Architecture, "block">, k: number, tokens: number): number[] {
  const within = COUNTS.filter((count) => count * block <= tokens / 2);
  return [...new Set([...within, k / block])].sort((a, b) => a - b);
}

/** Why a budget cannot be had, as a clause, and what to do about it. */
export function budgetProblem(
  request: Pick<ProfileRequest, "model" | "oracleMap">,
): { readonly why: string; readonly wayOut: Words } | undefined {
  const { oracleMap: k } = request;
  const { block } = inherited(request);
  if (k === undefined || k === "auto" || k % block === 0) return undefined;
  const near = { setting: "oracleMap", value: block * Math.max(1, Math.round(k / block)) } as const;
  return { why: `${k} tokens are not whole blocks of ${block}`, wayOut: words`${near} is near` };
}

/** Why the keys and values of all layers would not fit, and what would; undefined where they do. */
export function mapShortage({ model }: ProfileRequest, tokens: number, available?: number): Shortage | undefined {
  const { layers, kvHeads, headDim } = model.architecture;
  return keptShortage(`the keys and values of ${layers} layers`, 2 * layers * kvHeads * headDim, tokens, available);
}

/** Queries whose errors are not too much work: each is a product with the output projection for every pair of layers. */
function affordable({ layers, hidden, queryHeads, headDim }: Architecture): number {
  const pairs = (layers * (layers + 1)) / 2;
  return Math.max(FEWEST_ERRORS, Math.floor(MOST_WORK / (pairs * hidden * queryHeads * headDim)));
}

/** At most `most` of them, evenly. */
function thinned(positions: readonly number[], most: number): number[] {
  const step = Math.ceil(positions.length / most);
  return positions.filter((_, i) => i % step === 0);
}
