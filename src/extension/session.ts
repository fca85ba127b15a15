import type { Job, PanelState } from "../protocol/panel.ts";
import { Emitter } from "./emitter.ts";
import { placeOf, ReportView, textOf } from "./report-view.ts";

/** What the window knows: the report that the panel shows, and the job that is running. */
export class Session {
  /** What the panel shows. */
  readonly view = new ReportView();
  readonly #jobChanged = new Emitter();
  readonly onDidChangeJob = this.#jobChanged.on;
  #job: Job | undefined;

  get job(): Job | undefined {
    return this.#job;
  }

  setJob(job: Job | undefined): void {
    this.#job = job;
    this.#jobChanged.fire();
  }

  dispose(): void {
    this.view.dispose();
    this.#jobChanged.dispose();
  }
}

/** What a page must know besides its report. */
export interface PageFacts {
  readonly job: Job | undefined;
  readonly highlights: boolean;
  readonly follow: boolean;
  readonly canFollow: boolean;
  readonly cursor: PanelState["cursor"];
  readonly trusted: boolean;
}

/** The whole state of a page. */
export function panelState(view: ReportView, facts: PageFacts): PanelState {
  const { subject, baseline } = view;
  const { job, cursor, highlights, follow, canFollow, trusted } = facts;
  const text = subject && textOf(subject);
  return {
    ...(subject ? { report: subject.report } : {}),
    ...(baseline ? { baseline } : {}),
    source: subject?.source ?? "profile",
    document: subject ? placeOf(subject) : "unknown",
    ...(text === undefined ? {} : { text }),
    ...(cursor ? { cursor } : {}),
    ...(job ? { job } : {}),
    highlights,
    follow,
    canFollow,
    trusted,
  };
}
