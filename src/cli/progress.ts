import type { WriteStream } from "node:tty";
import ora, { type Ora } from "ora";
import type { Progress as Said, SoFar } from "../protocol/jobs.ts";
import { message } from "../model/printable.ts";
import { percent, remaining } from "../text/format.ts";
import { VARIANT_NAMES } from "../report/names.ts";
import { news } from "../report/partial.ts";

/** A step of the work, as the runtime tells it. */
type Step = Omit<Extract<Said, { kind: "progress" }>, "kind">;

/** Where the run stands, told on stderr. */
export interface Progress {
  phase(text: string): void;
  progress(step: Step): void;
  /** Something was found: each piece of news is a line that stays. */
  found(soFar: SoFar): void;
  /** Ends the display; what comes next is written on a clean line. */
  stop(): void;
}

/** A plain log gets a line at once and then at most one in this time. */
const LINE_EVERY_MS = 4000;

/** An estimate from less than this is a guess that would only jump about. */
const ESTIMATE_AFTER_MS = 1500;

export function createProgress(stream: WriteStream, quiet: boolean): Progress {
  const silent = (): void => undefined;
  if (quiet) return { phase: silent, progress: silent, found: silent, stop: silent };
  // A terminal may say that it is 0 columns wide (containers, expect); the spinner would then clear lines for ever.
  const rich = stream.isTTY && stream.columns > 0 && process.env.TERM !== "dumb" && process.env.CI === undefined;
  return rich ? new Spinner(stream) : new Lines((line) => stream.write(`${line}\n`));
}

class Spinner implements Progress {
  private readonly spinner: Ora;
  private readonly estimate = new Estimate();
  private readonly stream: WriteStream;
  private soFar: SoFar | undefined;

  constructor(stream: WriteStream) {
    this.stream = stream;
    // Ora would swallow the keyboard, and with it Ctrl-C.
    this.spinner = ora({
      stream,
      discardStdin: false,
      text: "starting",
      ...(inColour() ? {} : { color: false }),
    }).start();
  }

  phase(text: string): void {
    this.spinner.text = message(text);
  }

  progress(step: Step): void {
    this.spinner.text = message(this.estimate.text(step));
  }

  found(soFar: SoFar): void {
    const told = news(this.soFar, soFar);
    this.soFar = soFar;
    if (told.length === 0) return;
    this.spinner.clear();
    for (const line of told) this.stream.write(`${message(line)}\n`);
    this.spinner.render();
  }

  stop(): void {
    this.spinner.stop();
  }
}

/** NO_COLOR (no-color.org: anything but empty) takes colours away; FORCE_COLOR, which says it for one program, comes first. */
function inColour(): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force } = process.env;
  if (force !== undefined && force !== "") return force !== "0" && force !== "false";
  return no === undefined || no === "";
}

/** For logs: the first line at once, then the newest state every few seconds, and nothing twice. */
export class Lines implements Progress {
  private readonly write: (line: string) => void;
  private readonly estimate: Estimate;
  private readonly timer: NodeJS.Timeout;
  private soFar: SoFar | undefined;
  private latest = "";
  private shown = "";
  private shownAt = -Infinity;
  private readonly now: () => number;
  private readonly every: number;

  constructor(write: (line: string) => void, now: () => number = () => performance.now(), every = LINE_EVERY_MS) {
    this.write = write;
    this.now = now;
    this.estimate = new Estimate(now);
    this.every = every;
    this.timer = setInterval(() => this.show(), every).unref();
  }

  phase(text: string): void {
    this.latest = text;
    this.show();
  }

  progress(step: Step): void {
    this.latest = this.estimate.text(step);
    this.show();
  }

  found(soFar: SoFar): void {
    for (const line of news(this.soFar, soFar)) this.write(message(line));
    this.soFar = soFar;
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private show(): void {
    if (this.latest === this.shown || this.now() - this.shownAt < this.every * 0.99) return;
    this.shown = this.latest;
    this.shownAt = this.now();
    this.write(message(this.latest));
  }
}

/** "prefill, HySparse: 42 %, about 12 s left" */
export class Estimate {
  private readonly now: () => number;
  private startedAt: number | undefined;
  private startedWith = 0;

  constructor(now: () => number = () => performance.now()) {
    this.now = now;
  }

  text({ phase, variant, done, total }: Step): string {
    if (this.startedAt === undefined) {
      this.startedAt = this.now();
      this.startedWith = done;
    }
    const what = variant === undefined ? phase : `${phase}, ${VARIANT_NAMES[variant]}`;
    const share = total > 0 ? Math.min(1, done / total) : 0;
    return `${what}: ${percent(share)}${this.left(done, total)}`;
  }

  private left(done: number, total: number): string {
    const elapsed = this.now() - (this.startedAt ?? this.now());
    const worked = done - this.startedWith;
    if (elapsed < ESTIMATE_AFTER_MS || worked <= 0 || done >= total) return "";
    const ms = (elapsed / worked) * (total - done);
    return `, about ${remaining(ms)} left`;
  }
}
