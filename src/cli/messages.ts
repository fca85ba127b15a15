import type { Variant } from "../engine/engine.ts";
import type { ProfileProgress } from "../profile/request.ts";
import type { Report } from "../profile/report.ts";

/** What the job's process is asked to do; plain data, since it crosses a process border. */
export interface JobRequest {
  readonly document: { readonly name: string; readonly text: string };
  readonly engine: string;
  /** A model's name, or a checkpoint folder relative to `folder`. */
  readonly model: string;
  readonly folder: string;
  readonly variants: readonly Variant[];
  readonly decodeTokens: number;
  readonly repetitions: number;
  readonly warmup: number;
  readonly importance: "last-token" | "document";
  readonly maxTokens?: number;
  readonly chunk?: number;
  readonly includeText: boolean;
}

export type ToJob = { readonly type: "start"; readonly request: JobRequest } | { readonly type: "cancel" };

/** `failed` with `user` is a mistake that the user can mend; its message is shown as it is. */
export type FromJob =
  | { readonly type: "phase"; readonly text: string }
  | { readonly type: "progress"; readonly progress: ProfileProgress }
  | { readonly type: "done"; readonly report: Report }
  | { readonly type: "failed"; readonly user: boolean; readonly message: string; readonly stack?: string };
