import type { Job } from "../../src/protocol/panel.ts";
import { percent } from "../../src/text/format.ts";
import { VARIANT_NAMES } from "../../src/report/names.ts";

export interface JobModel {
  readonly title: string;
  readonly step: string;
  /** 0 .. 1; undefined where nobody can say. */
  readonly share?: number;
  readonly stopping: boolean;
}

export function jobModel({ title: what, progress, stopping, estimate }: Job): JobModel {
  const title = estimate === undefined ? what : `${what}, ${estimate}`;
  if (stopping) return { title, step: "Stopping after the current layer.", stopping };
  if (progress.kind === "phase") return { title, step: progress.text, stopping };
  const share = Math.min(1, progress.done / progress.total);
  const variant = progress.variant === undefined ? "" : `${VARIANT_NAMES[progress.variant]}: `;
  return { title, step: `${variant}${progress.phase}, ${percent(share)}`, share, stopping };
}
