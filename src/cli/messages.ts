import type { ProfileProgress, ProfileSettings } from "../profile/request.ts";
import type { Report } from "../profile/report.ts";

/** What the job's process is asked to do. */
export interface JobRequest {
  readonly engine: string;
  /** A GPU's name, part of it, or index; the first real one when absent. */
  readonly gpu?: string;
  /** A model's name, or a checkpoint folder relative to `folder`. */
  readonly model: string;
  readonly folder: string;
  readonly settings: ProfileSettings;
}

export type ToJob = { readonly type: "start"; readonly request: JobRequest } | { readonly type: "cancel" };

/** `failed` with `user` is a mistake that the user can mend; its message is shown as it is. */
export type FromJob =
  | { readonly type: "phase"; readonly text: string }
  | { readonly type: "progress"; readonly progress: ProfileProgress }
  | { readonly type: "done"; readonly report: Report }
  | { readonly type: "failed"; readonly user: boolean; readonly message: string; readonly stack?: string };
