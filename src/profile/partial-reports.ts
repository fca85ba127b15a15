import { setTimeout as pause } from "node:timers/promises";
import type { Variant } from "../engine/engine.ts";
import type { Estimate } from "../protocol/jobs.ts";
import type { Report } from "../protocol/report.ts";
import type { Draft } from "./draft.ts";
import type { KnownSpread } from "./known-spread.ts";
import type { ProfileRequest } from "./request.ts";
import type { Runs } from "./timed-rounds.ts";

/** Rounds that come faster are told together: each telling costs the runtime, and whoever draws it, processor time. */
const EVERY_MS = 3000;

/** Tells what a draft has, as it grows. Costs nothing where nobody listens. */
export class PartialReports {
  readonly #draft: Draft;
  readonly #request: Pick<ProfileRequest, "onPartial" | "settleMs" | "signal">;
  #told: Partial<Report> = {};
  #toldAt = -Infinity;
  #phase: keyof KnownSpread | undefined;

  constructor(draft: Draft, request: Pick<ProfileRequest, "onPartial" | "settleMs" | "signal">) {
    this.#draft = draft;
    this.#request = request;
  }

  /** Where nothing timed comes next. */
  tell(estimate?: Estimate): void {
    const { onPartial } = this.#request;
    if (onPartial === undefined) return;
    const report = this.#draft.report();
    // A complete one is the job's result.
    if (report.partial === undefined) return;
    const told: Readonly<Record<string, unknown>> = this.#told;
    const changed = Object.fromEntries(Object.entries(report).filter(([part, value]) => told[part] !== value));
    onPartial({ changed, ...(estimate === undefined ? {} : { estimate }) });
    this.#told = report;
    this.#toldAt = performance.now();
  }

  /** Where timed runs follow: what is drawn of it is drawn before they begin. */
  async tellAndSettle(): Promise<void> {
    if (this.#request.onPartial === undefined) return;
    this.tell();
    await pause(this.#request.settleMs ?? 0);
    this.#request.signal?.throwIfAborted();
  }

  /** After a round: the first of a phase at once, later ones every few seconds. */
  readonly round = async (phase: keyof KnownSpread, runs: Runs<Variant>): Promise<void> => {
    this.#draft.runs(runs);
    if (phase === "decode") this.#draft.done("prefill");
    const first = phase !== this.#phase;
    this.#phase = phase;
    if (first || performance.now() - this.#toldAt >= EVERY_MS) await this.tellAndSettle();
  };
}
