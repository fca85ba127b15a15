import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Devices, ProfileParams, ProfileResult, Progress } from "../protocol/jobs.ts";
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

/** @throws UserError for what the user can mend; the signal's reason when cancelled */
export async function profileDocument(
  params: ProfileParams,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<ProfileResult> {
  const phase = (text: string): void => onProgress({ kind: "phase", text });
  const model = await modelId(params);
  const { engine: id, gpu, threads, ifUnderstood } = params;
  return kept.use({ engine: { id, gpu, threads, ifUnderstood }, model }, phase, async (loaded) => {
    signal.throwIfAborted();
    phase("measuring this machine");
    return run(params, model, loaded, onProgress, signal);
  });
}

async function run(
  params: ProfileParams,
  modelId: string,
  { engine, reason, model }: Loaded,
  onProgress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<ProfileResult> {
  const [{ profile }, { peakMeasurement }, { engineCalled }] = await Promise.all([
    import("../profile/profile.ts"),
    import("../profile/peak-memory.ts"),
    import("../engine/registry.ts"),
  ]);
  // With auto an engine may have been taken that has nothing to do with them.
  const counts = params.threads !== undefined && engineCalled(engine.info.id).settings.includes("threads");
  const threads = counts ? { threads: params.threads } : {};
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
    onProgress: (progress) => onProgress({ kind: "progress", ...progress }),
    ...(params.selectionTable ? { onSelection: (table: SelectionTable) => (selection = table) } : {}),
  });
  return {
    report: { ...report, settings: { ...report.settings, model: params.model, ...threads } },
    ...(selection === undefined ? {} : { selection }),
  };
}

/** A known name wins over a folder of the same name; a folder is meant from where the user is. */
async function modelId({ model, folder }: ProfileParams): Promise<string> {
  const { MODEL_IDS } = await import("../model/models.ts");
  const path = resolve(folder, model);
  return !MODEL_IDS.includes(model) && existsSync(path) ? path : model;
}

/** What can be chosen on this machine. */
export async function listDevices(): Promise<Devices> {
  const [{ listEngines }, { listModels }] = await Promise.all([
    import("../engine/registry.ts"),
    import("../model/models.ts"),
  ]);
  return { ...(await listEngines()), models: listModels() };
}
