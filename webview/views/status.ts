import "./status.css";
import type { Job } from "../../src/protocol/panel.ts";
import type { Report } from "../../src/protocol/report.ts";
import { news } from "../../src/report/partial.ts";
import { element, paragraph } from "../dom.ts";
import { jobModel } from "../model/job.ts";
import type { Page } from "../section.ts";
import { button } from "../ui/button.ts";

/** What goes on above the results: a running job, a failure. Both come and go without the results being drawn anew. */
export class Status {
  readonly root = element("div", { class: "status" });
  readonly #page: Pick<Page, "command">;
  readonly #hosted: boolean;
  readonly #failure = element("div", { class: "failure", attributes: { role: "alert" } });
  readonly #job = element("div", { class: "job", attributes: { role: "group", "aria-label": "Running" } });
  /** Read out when the reader pauses; the figures themselves are in the sections. */
  readonly #news = element("p", { class: "unseen", attributes: { role: "status" } });
  #soFar: Report | undefined;
  readonly #title = element("strong");
  readonly #step = element("span", { class: "step" });
  readonly #bar = element("progress", { id: "job-progress", attributes: { max: "1", "aria-label": "Progress" } });
  readonly #stop: HTMLElement;

  /** @param hosted whether there is a log to show */
  constructor(page: Pick<Page, "command">, hosted: boolean) {
    this.#page = page;
    this.#hosted = hosted;
    this.#failure.hidden = true;
    this.#job.hidden = true;
    this.#stop = button({ id: "job-stop", label: "Stop", press: () => page.command("stop") });
    this.#job.append(
      element("p", {}, this.#title, " ", this.#step),
      element("div", { class: "row" }, this.#bar, this.#stop),
    );
    this.root.append(this.#failure, this.#job, this.#news);
  }

  /** Shows how far a job is; undefined when none runs. A new job makes an old failure history. */
  job(job: Job | undefined): void {
    if (job && this.#job.hidden) this.#failure.hidden = true;
    this.#job.hidden = job === undefined;
    if (!job) return;
    const { title, step, share, stopping } = jobModel(job);
    this.#title.textContent = title;
    this.#step.textContent = step;
    if (share === undefined) this.#bar.removeAttribute("value");
    else this.#bar.value = share;
    this.#stop.toggleAttribute("disabled", stopping);
  }

  /** Tells who cannot see it what a running profile brought. */
  tell(report: Report | undefined): void {
    const before = this.#soFar;
    this.#soFar = report?.partial?.state === "running" ? report : undefined;
    if (this.#soFar) {
      const told = news(before && { report: before }, { report: this.#soFar });
      if (told.length > 0) this.#news.textContent = `${told.join(". ")}.`;
    } else if (before) this.#news.textContent = report?.partial ? "The run was stopped." : "The profile is complete.";
  }

  fail(message: string): void {
    this.#failure.replaceChildren(
      paragraph(message),
      element(
        "div",
        { class: "buttons" },
        this.#hosted
          ? button({ id: "failure-log", label: "Show Log", press: () => this.#page.command("showLog") })
          : undefined,
        button({
          id: "failure-close",
          label: "Dismiss",
          press: () => {
            this.#failure.hidden = true;
          },
        }),
      ),
    );
    this.#failure.hidden = false;
  }
}
