import type { Variant } from "../engine/engine.ts";
import { layerKinds } from "../engine/kinds.ts";
import type { Architecture } from "../model/architecture.ts";
import { layerCosts, withAttend } from "./cost.ts";
import { chunkOf, type ProfileRequest } from "./request.ts";

/** Turns the runs of a profile into one share that only grows, each run weighing what its arithmetic does. */
export class ProgressMeter {
  readonly #request: ProfileRequest;
  readonly #weights: ReadonlyMap<Variant, number>;
  readonly #total: number;
  #finished = 0;
  #current = 0;
  #phase = "";
  #variant: Variant | undefined;

  constructor(request: ProfileRequest, tokens: number) {
    this.#request = request;
    this.#weights = new Map(
      request.variants.map((variant) => [variant, prefillFlops(request.model.architecture, variant, tokens)]),
    );
    const round = [...this.#weights.values()].reduce((sum, weight) => sum + weight, 0);
    const chunk = Math.min(1, chunkOf(request) / tokens);
    const recorded = request.warmup > 0 ? (this.#weights.get("hysparse") ?? 0) * (1 - chunk) : 0;
    // Warm-ups, rounds, and one run of each variant apart for its peak memory.
    this.#total = round * (request.warmup * chunk + request.repetitions + 1) + recorded;
  }

  /** A step that is not a run. */
  phase(phase: string): void {
    this.#phase = phase;
    this.#variant = undefined;
    this.#tell(0);
  }

  /** The next run, of this share of the document; the one before is finished. */
  begin(phase: string, variant: Variant, share = 1): void {
    this.#finished += this.#current;
    this.#current = (this.#weights.get(variant) ?? 0) * share;
    this.#phase = phase;
    this.#variant = variant;
    this.#tell(0);
  }

  /** Share of the current run that is done. */
  advance(share: number): void {
    this.#tell(share);
  }

  #tell(share: number): void {
    this.#request.onProgress?.({
      phase: this.#phase,
      ...(this.#variant === undefined ? {} : { variant: this.#variant }),
      done: this.#finished + this.#current * share,
      total: this.#total,
    });
  }
}

function prefillFlops(a: Architecture, variant: Variant, tokens: number): number {
  const span = { from: 0, to: tokens, passes: 1 };
  const selected = Math.min(a.selectedTokens, tokens) * tokens * a.kvHeads;
  return layerKinds(a, variant)
    .flatMap((kind) =>
      Object.entries(withAttend(layerCosts(a, { kind, oracle: false, selectedKeys: selected }, span, 4))),
    )
    .filter(([stage]) => stage === "project" || stage === "attend" || stage === "output" || stage === "mlp")
    .reduce((sum, [, cost]) => sum + cost.flops, 0);
}
