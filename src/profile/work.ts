import { asPlanned } from "../designs/as-planned.ts";
import { planOf, selectingDesign } from "../designs/designs.ts";
import type { Stage, Variant } from "../engine/engine.ts";
import { layerCosts, withAttend } from "./cost.ts";
import type { KnownSpread } from "./known-spread.ts";
import { chunkOf, plansOf, SWEEP_SHARE, type ProfileRequest } from "./request.ts";
import type { VariantRun } from "./run-variant.ts";

/** How the first tokens ran: what everything else will take follows from its stages. */
export interface FirstTokens {
  readonly tokens: number;
  readonly runs: ReadonlyMap<Variant, Pick<VariantRun, "prefillStages" | "perTokenMs">>;
}

/** What else is run besides the document's rounds. */
export interface Besides {
  /** Lengths of a sweep other than the document's. */
  readonly sweep: readonly number[];
  /** Of prefills of the document that are made after all that is timed, each the variant that it weighs as much as. */
  readonly untimed: readonly Variant[];
}

/** What the rounds weigh, in prefills: as many as usually are made where their number follows the need. */
const AUTO_ROUNDS = { prefill: 6, decode: 24 };
/** What decode rounds weigh beside those prefills while no pace is known. */
const AUTO_DECODE = 0.4;
const FIXED_DECODE = 0.1;

/** Stages that make up a layer. */
const WHOLE: readonly Stage[] = ["project", "attend", "output", "mlp"];

/**
 * What the runs of a profile weigh. Floating-point operations until the first tokens were run; then milliseconds: each stage of each
 * layer as fast as with those, so that attention grows with the square of the context where it does and the rest in proportion.
 */
export class Work {
  readonly #request: ProfileRequest;
  readonly #first: FirstTokens | undefined;
  /** Milliseconds per operation: variant, layer, stage. */
  readonly #pace: ReadonlyMap<Variant, readonly ReadonlyMap<Stage, number>[]>;

  constructor(request: ProfileRequest, first?: FirstTokens) {
    this.#request = request;
    this.#first = first;
    this.#pace = new Map(
      [...(first?.runs ?? [])].map(([variant, { prefillStages }]) => {
        const flops = this.#flops(variant, first!.tokens);
        const pace = (stage: Stage, layer: number): number =>
          (prefillStages[layer]?.get(stage) ?? 0) / flops[layer]!.get(stage)!;
        return [
          variant,
          flops.map((stages, layer) => new Map([...stages.keys()].map((stage) => [stage, pace(stage, layer)]))),
        ];
      }),
    );
  }

  /** Of one prefill. */
  prefill(variant: Variant, tokens: number): number {
    const pace = this.#pace.get(variant);
    return this.#flops(variant, tokens).reduce(
      (sum, stages, layer) =>
        [...stages].reduce((all, [stage, flops]) => all + flops * (pace?.[layer]?.get(stage) ?? 1), sum),
      0,
    );
  }

  /** All rounds of a phase, or of both; `share` of the usual time. */
  rounds(tokens: number, phase?: keyof KnownSpread, share = 1): number {
    if (phase === undefined) return this.rounds(tokens, "prefill", share) + this.rounds(tokens, "decode", share);
    const { repetitions, decodeTokens, variants } = this.#request;
    if (phase === "decode" && decodeTokens === 0) return 0;
    const first = this.#first;
    if (first === undefined) {
      const prefills = this.#round(tokens) * (repetitions === "auto" ? AUTO_ROUNDS.prefill : repetitions);
      return phase === "prefill" ? prefills : prefills * (repetitions === "auto" ? AUTO_DECODE : FIXED_DECODE);
    }
    const each =
      phase === "prefill"
        ? this.#round(tokens)
        : variants.reduce((sum, variant) => sum + decodeTokens * (first.runs.get(variant)?.perTokenMs ?? 0), 0);
    if (repetitions !== "auto") return each * repetitions;
    const { least, budgetMs } = plansOf(this.#request, share)[phase];
    return Math.max(each * least, Math.min(each * AUTO_ROUNDS[phase], budgetMs));
  }

  /** What sweep.ts runs at one length: warm-ups of one chunk, then the rounds. */
  point(tokens: number): number {
    const chunk = Math.min(1, chunkOf(this.#request) / tokens);
    return this.#round(tokens) * this.#request.warmup * chunk + this.rounds(tokens, undefined, SWEEP_SHARE);
  }

  /** The whole profile of a document of so many tokens. */
  total(tokens: number, { sweep, untimed }: Besides): number {
    const { variants, warmup, model } = this.#request;
    const chunk = Math.min(1, chunkOf(this.#request) / tokens);
    const selecting = warmup > 0 ? selectingDesign(model.architecture, variants) : undefined;
    const recorded = selecting === undefined ? 0 : this.prefill(selecting, tokens) * (1 - chunk);
    const first = this.#round(tokens) * ((this.#first?.tokens ?? 0) / tokens);
    // Warm-ups, rounds, and one run of each variant apart for its peak memory.
    return (
      first +
      this.#round(tokens) * (warmup * chunk + 1) +
      this.rounds(tokens) +
      recorded +
      sweep.reduce((sum, length) => sum + this.point(length), 0) +
      untimed.reduce((sum, variant) => sum + this.prefill(variant, tokens), 0)
    );
  }

  /** One prefill of each variant. */
  #round(tokens: number): number {
    return this.#request.variants.reduce((sum, variant) => sum + this.prefill(variant, tokens), 0);
  }

  /** Operations of each layer's stages that do any. */
  #flops(variant: Variant, tokens: number): ReadonlyMap<Stage, number>[] {
    const a = this.#request.model.architecture;
    const span = { from: 0, to: tokens, passes: 1 };
    const layers = planOf(a, variant);
    const selectedKeys = Math.min(asPlanned(a, layers).selectedTokens, tokens) * tokens * a.kvHeads;
    return layers.map((plan) => {
      const costs = withAttend(layerCosts(a, { plan, selectedKeys }, span, 4));
      return new Map(
        WHOLE.flatMap((stage) => (costs[stage] && costs[stage].flops > 0 ? [[stage, costs[stage].flops]] : [])),
      );
    });
  }
}
