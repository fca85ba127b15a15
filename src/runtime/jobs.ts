import type { Devices, Found, ProfileParams, ProfileResult, Progress } from "../protocol/jobs.ts";
import type { Report } from "../protocol/report.ts";
import type { SelectionTable } from "../protocol/selection-table.ts";
import { Kept, type Loaded } from "./kept.ts";

/**
 * What the runtime process does when asked. Everything that brings native code or weights is imported only now: the
 * process answers its owner before that.
 */
const kept = new Kept({
  engine: async ({ id, ...request }) => {
    const { createEngine } = await import("../engine/registry.ts");
    return createEngine(id, request);
  },
  model: async (id) => {
    const { loadModel } = await import("../model/models.ts");
    return loadModel(id);
  },
});

/** Whom a job talks to. */
interface Owner {
  readonly tell: (progress: Progress) => void;
  readonly found: (found: Found) => void;
  readonly signal: AbortSignal;
}

/** @throws UserError for what the user can mend; the signal's reason when cancelled */
export async function profileDocument(params: ProfileParams, owner: Owner): Promise<ProfileResult> {
  const phase = (text: string): void => owner.tell({ kind: "phase", text });
  const model = await modelId(params);
  const { engine: id, gpu, threads, ifUnderstood } = params;
  return kept.use({ engine: { id, gpu, threads, ifUnderstood }, model }, phase, async (loaded) => {
    owner.signal.throwIfAborted();
    phase("measuring this machine");
    return run(params, model, loaded, owner);
  });
}

async function run(
  params: ProfileParams,
  modelId: string,
  { engine, reason, model }: Loaded,
  { tell, found, signal }: Owner,
): Promise<ProfileResult> {
  const [{ profile }, { peakMeasurement }, { engineCalled }] = await Promise.all([
    import("../profile/profile.ts"),
    import("../profile/peak-memory.ts"),
    import("../engine/registry.ts"),
  ]);
  // With auto an engine may have been taken that has nothing to do with them.
  const counts = params.threads !== undefined && engineCalled(engine.info.id).settings.includes("threads");
  const threads = counts ? { threads: params.threads } : {};
  const named = <R extends { settings?: Report["settings"] | undefined }>(report: R): R =>
    report.settings ? { ...report, settings: { ...report.settings, model: params.model, ...threads } } : report;
  let selection: SelectionTable | undefined;
  const report = await profile({
    ...params.settings,
    model,
    engine,
    engineReason: reason,
    measurePeak: peakMeasurement(engine.info.id, modelId, {
      chunk: params.settings.chunk,
      ...threads,
      ...(params.settings.designs === undefined ? {} : { designs: params.settings.designs }),
    }),
    signal,
    onProgress: (progress) => tell({ kind: "progress", ...progress }),
    onPartial: ({ changed, ...rest }) => found({ changed: named(changed), ...rest }),
    ...(params.settleMs === undefined ? {} : { settleMs: params.settleMs }),
    ...(params.selectionTable ? { onSelection: (table: SelectionTable) => (selection = table) } : {}),
  });
  return {
    report: named(report),
    ...(selection === undefined ? {} : { selection }),
  };
}

async function modelId({ model, folder }: ProfileParams): Promise<string> {
  const { locateModel } = await import("../model/models.ts");
  return locateModel(model, folder);
}

/** What can be chosen on this machine. */
export async function listDevices(): Promise<Devices> {
  const [{ listEngines }, { listModels }] = await Promise.all([
    import("../engine/registry.ts"),
    import("../model/models.ts"),
  ]);
  return { ...(await listEngines()), models: listModels() };
}
