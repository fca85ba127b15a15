import type { Devices, ProfileParams, ProfileResult, Progress, SoFar } from "../protocol/jobs.ts";

/** What the owner of a runtime process can be told about it. */
export type RuntimeState = "stopped" | "starting" | "ready" | "busy" | "failed";

/** A runtime process as its owner sees it: started on first use, started anew after it died, one job at a time. */
export interface Runtime {
  readonly state: RuntimeState;
  /** Tells `listener` of every change; returns what ends that. */
  onState(listener: (state: RuntimeState) => void): () => void;
  /** Engines, models and GPUs of this machine. */
  devices(): Promise<Devices>;
  /**
   * Profiles a document; `onFound` is told the report as it grows, each a whole report that says it is partial.
   * @throws UserError for what the user can mend; Cancelled soon after the signal; RuntimeFault for the rest, a
   * process that died included
   */
  profile(
    params: ProfileParams,
    onProgress: (progress: Progress) => void,
    signal: AbortSignal,
    onFound?: (soFar: SoFar) => void,
  ): Promise<ProfileResult>;
  /** Ends the process and whatever it started, at once. */
  dispose(): void;
}

/** The user asked to stop. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** Nobody foresaw it: an error inside the runtime, or its death. `printed` is the end of what the process wrote. */
export class RuntimeFault extends Error {
  override readonly name = "RuntimeFault";
  readonly printed: string;

  constructor(message: string, printed: string) {
    super(message);
    this.printed = printed;
  }
}
