import type { Found, SoFar } from "../protocol/jobs.ts";
import { reportSchema } from "../protocol/report.ts";

/** Puts what a runtime finds together, on the owner's side: what was told outlives the process that told it. */
export class Joined {
  #soFar: SoFar | undefined;

  /** The report with these parts; undefined while not even its first parts have come. Parts that did not change stay the same objects. */
  add({ changed, estimate = this.#soFar?.estimate }: Found): SoFar | undefined {
    const report = this.#soFar ? Object.assign({}, this.#soFar.report, changed) : reportSchema.safeParse(changed).data;
    if (report !== undefined) this.#soFar = { report, estimate };
    return this.#soFar;
  }
}
