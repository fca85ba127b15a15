import { sum } from "simple-statistics";
import { asPlanned } from "../designs/as-planned.ts";
import { planOf, selectingDesign } from "../designs/designs.ts";
import type { Variant } from "../engine/engine.ts";
import type { Architecture } from "../model/architecture.ts";
import { layerCosts, withAttend } from "./cost.ts";
import type { KnownSpread } from "./known-spread.ts";
import { chunkOf, type ProfileRequest } from "./request.ts";
import type { RoundPlace } from "./rounds.ts";

/** Of the document by default, and weighing as much as its own variant does. */
interface Run {
  readonly share?: number;
  readonly tokens?: number;
  readonly as?: Variant;
}

/** What the rounds weigh, in prefills: as many as usually are made where their number follows the need. */
const AUTO_PREFILLS = 6;
/** What decode rounds weigh beside those prefills: by their time budget, or a batch of steps after each prefill. */
const AUTO_DECODE = 0.4;
const FIXED_DECODE = 0.1;

/** Turns the runs of a profile into one share that only grows, each run weighing what its arithmetic does. */
export class ProgressMeter {
  readonly #request: ProfileRequest;
  readonly #tokens: number;
  readonly #total: number;
  #finished = 0;
  #current = 0;
  /** Where `#finished` will be when the point of a sweep is over, whether it was run or not. */
  #pointEnd = 0;
  /** Share of the current rounds that was told: their number is a guess that changes. */
  #told = 0;
  /** What is done of each run of the current round: where runs take turns, several are under way. */
  readonly #shares = new Map<Variant, number>();
  #sharesOf = 0;
  #phase = "";
  #variant: Variant | undefined;

  /**
   * `sweep` are the lengths that will be run besides the document's `tokens`; `untimed` are the prefills of the document
   * that are made after all that is timed, each as the variant that it weighs as much as.
   */
  constructor(
    request: ProfileRequest,
    tokens: number,
    sweep: readonly number[] = [],
    untimed: readonly Variant[] = [],
  ) {
    this.#request = request;
    this.#tokens = tokens;
    const { variants, warmup } = request;
    const chunk = Math.min(1, chunkOf(request) / tokens);
    const selecting = warmup > 0 ? selectingDesign(request.model.architecture, variants) : undefined;
    const recorded = selecting === undefined ? 0 : this.#work(selecting, tokens) * (1 - chunk);
    // Warm-ups, rounds, and one run of each variant apart for its peak memory.
    this.#total =
      this.#round(tokens) * (warmup * chunk + 1) +
      this.#rounds(tokens) +
      recorded +
      sweep.reduce((sum, length) => sum + this.#point(length), 0) +
      untimed.reduce((sum, variant) => sum + this.#work(variant, tokens), 0);
  }

  /** A step that is not a run. */
  phase(phase: string): void {
    this.#phase = phase;
    this.#variant = undefined;
    this.#tell(0);
  }

  /** The next run, of this share of so many tokens; the one before is finished. */
  begin(phase: string, variant: Variant, { share = 1, tokens = this.#tokens, as = variant }: Run = {}): void {
    this.#next(this.#work(as, tokens) * share);
    this.#phase = phase;
    this.#variant = variant;
    this.#tell(0);
  }

  /** Share of the current run that is done. */
  advance(share: number): void {
    this.#tell(share);
  }

  /** Timed rounds of a context of so many tokens follow, first of prefill. */
  beginRounds(phase: keyof KnownSpread, tokens = this.#tokens): void {
    this.#next(this.#rounds(tokens, phase));
    this.#told = 0;
    this.#shares.clear();
  }

  /** A run of these rounds, of which `share` is done; `title` is set before what it is. */
  round(title: string, phase: keyof KnownSpread, variant: Variant, place: RoundPlace, share: number): void {
    const about = this.#request.repetitions === "auto" ? "about " : "";
    this.#phase = `${title}${phase} ${place.round + 1} of ${about}${place.expected}`;
    if (place.round !== this.#sharesOf) this.#shares.clear();
    this.#sharesOf = place.round;
    const shares = [...this.#shares.set(variant, share).values()];
    this.#variant = shares.filter((of) => of < 1).length > 1 ? undefined : variant;
    const done = sum(shares) / this.#request.variants.length;
    this.#told = Math.max(this.#told, Math.min(1, (place.round + done) / place.expected));
    this.#tell(this.#told);
  }

  /** The runs that follow are those of a context of so many tokens in a sweep. */
  beginPoint(tokens: number): void {
    this.#next(0);
    this.#pointEnd = this.#finished + this.#point(tokens);
  }

  /** They are done, or will not be. */
  endPoint(): void {
    this.#finished = this.#pointEnd;
    this.#current = 0;
    this.#tell(0);
  }

  #next(work: number): void {
    this.#finished += this.#current;
    this.#current = work;
  }

  #work(variant: Variant, tokens: number): number {
    return prefillFlops(this.#request.model.architecture, variant, tokens);
  }

  #round(tokens: number): number {
    return this.#request.variants.reduce((sum, variant) => sum + this.#work(variant, tokens), 0);
  }

  /** All rounds of a phase, or of both. */
  #rounds(tokens: number, phase?: keyof KnownSpread): number {
    const { repetitions, decodeTokens } = this.#request;
    const prefill = this.#round(tokens) * (repetitions === "auto" ? AUTO_PREFILLS : repetitions);
    const decode = decodeTokens === 0 ? 0 : prefill * (repetitions === "auto" ? AUTO_DECODE : FIXED_DECODE);
    return phase === "prefill" ? prefill : phase === "decode" ? decode : prefill + decode;
  }

  /** What sweep.ts runs at one length: warm-ups of one chunk, then the rounds. */
  #point(tokens: number): number {
    const chunk = Math.min(1, chunkOf(this.#request) / tokens);
    return this.#round(tokens) * this.#request.warmup * chunk + this.#rounds(tokens);
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
  const layers = planOf(a, variant);
  const selected = Math.min(asPlanned(a, layers).selectedTokens, tokens) * tokens * a.kvHeads;
  return layers
    .flatMap((plan) => Object.entries(withAttend(layerCosts(a, { plan, selectedKeys: selected }, span, 4))))
    .filter(([stage]) => stage === "project" || stage === "attend" || stage === "output" || stage === "mlp")
    .reduce((sum, [, cost]) => sum + cost.flops, 0);
}
