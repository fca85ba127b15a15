import type { Job } from "../protocol/panel.ts";
import type { RuntimeState } from "../runtime/runtime.ts";

export interface Status {
  readonly text: string;
  readonly tooltip: string;
  /** One of our commands. */
  readonly command: "showPanel" | "showLog";
  readonly failed: boolean;
}

/** What the status bar says. `edited`: highlights are shown for a document that was edited since it was profiled. */
export function statusOf(runtime: RuntimeState, job: Job | undefined, edited: boolean): Status {
  if (job) {
    const text = job.stopping ? "stopping" : shareText(job);
    return status(`$(loading~spin) HySparse: ${text}`, `${job.title}: ${stepText(job)}. Click to open the panel.`);
  }
  if (runtime === "starting") return status("$(loading~spin) HySparse: starting", "The runtime is starting.");
  if (runtime === "failed") {
    return {
      text: "$(error) HySparse: failed",
      tooltip: "The runtime ended unexpectedly. It restarts with the next profile. Click to open its log.",
      command: "showLog",
      failed: true,
    };
  }
  if (edited) {
    return status(
      "$(graph) HySparse: edited",
      "The document was edited after profiling: highlights are grey and removed from edited passages.",
    );
  }
  const ready = runtime === "ready" ? "The runtime is idle." : "The runtime is not running.";
  return status("$(graph) HySparse", `${ready} Click to open the panel.`);
}

/** "42 %", or what is going on while nobody knows how much there is to do. */
export function shareText({ progress }: Job): string {
  return progress.kind === "progress" ? `${Math.floor(share(progress) * 100)} %` : progress.text;
}

/** What is going on, for people. */
export function stepText({ progress, stopping }: Job): string {
  if (stopping) return "stopping";
  return progress.kind === "progress" ? progress.phase : progress.text;
}

/** 0 .. 1, or undefined. */
export function shareOf({ progress }: Job): number | undefined {
  return progress.kind === "progress" ? share(progress) : undefined;
}

function share({ done, total }: { readonly done: number; readonly total: number }): number {
  return Math.min(1, Math.max(0, done / total));
}

function status(text: string, tooltip: string): Status {
  return { text, tooltip, command: "showPanel", failed: false };
}
