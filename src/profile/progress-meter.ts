import { sum } from "simple-statistics";
import type { Variant } from "../engine/engine.ts";
import type { KnownSpread } from "./known-spread.ts";
import type { ProfileRequest } from "./request.ts";
import type { RoundPlace } from "./rounds.ts";
import { Work, type Besides, type FirstTokens } from "./work.ts";

/** Of the document by default, and weighing as much as its own variant does. */
interface Run {
  readonly share?: number;
  readonly tokens?: number;
  readonly as?: Variant;
}

/** Turns the runs of a profile into one share that only grows, each run weighing what its arithmetic does. */
export class ProgressMeter {
  readonly #request: ProfileRequest;
  readonly #tokens: number;
  readonly #besides: Besides;
  #work: Work;
  #total: number;
  #finished = 0;
  #current = 0;
  /** Where `#finished` will be when the point of a sweep is over, whether it was run or not. */
  #pointEnd = 0;
  /** Share of the current rounds that was told: their number is a guess that changes. */
  #told = 0;
  /** What is done of each run of the current round: where runs take turns, several are under way. */
  readonly #shares = new Map<Variant, number>();
  #sharesOf = 0;
  /** The largest share of the whole that was told. */
  #furthest = 0;
  #phase = "";
  #variant: Variant | undefined;

  /** @param besides what will be run besides the rounds of a document of so many `tokens` */
  constructor(request: ProfileRequest, tokens: number, besides: Besides = { sweep: [], untimed: [] }) {
    this.#request = request;
    this.#tokens = tokens;
    this.#besides = besides;
    this.#work = new Work(request);
    this.#total = this.#work.total(tokens, besides);
  }

  /** A step that is not a run. */
  phase(phase: string): void {
    this.#phase = phase;
    this.#variant = undefined;
    this.#tell(0);
  }

  /** The next run, of this share of so many tokens; the one before is finished. */
  begin(phase: string, variant: Variant, { share = 1, tokens = this.#tokens, as = variant }: Run = {}): void {
    this.#next(this.#work.prefill(as, tokens) * share);
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
    this.#next(this.#work.rounds(tokens, phase));
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

  /** The first tokens were run, and nothing else: from now on runs weigh the time that they will take. */
  measured(first: FirstTokens): void {
    const share = first.tokens / this.#tokens;
    this.#work = new Work(this.#request, first);
    this.#total = this.estimate();
    this.#finished = [...first.runs.keys()].reduce(
      (total, key) => total + this.#work.prefill(key, this.#tokens) * share,
      0,
    );
    this.#current = 0;
  }

  /** Milliseconds of the whole, or of the same for the first tokens alone; known once the first tokens were run. */
  estimate(tokens = this.#tokens): number {
    return this.#work.total(tokens, this.#besides);
  }

  /** The runs that follow are those of a context of so many tokens in a sweep. */
  beginPoint(tokens: number): void {
    this.#next(0);
    this.#pointEnd = this.#finished + this.#work.point(tokens);
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

  #tell(share: number): void {
    this.#furthest = Math.max(this.#furthest, (this.#finished + this.#current * share) / this.#total);
    this.#request.onProgress?.({
      phase: this.#phase,
      ...(this.#variant === undefined ? {} : { variant: this.#variant }),
      done: this.#furthest,
      total: 1,
    });
  }
}
