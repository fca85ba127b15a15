import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { UserError } from "../model/errors.ts";
import type { FromJob, JobRequest, ToJob } from "./messages.ts";

/**
 * The process that does the work, started by job-process.ts. It is a process of its own because one call into an
 * engine may block for seconds, and because whatever brings an engine down must not take the terminal with it.
 */
const cancel = new AbortController();

function send(message: FromJob): Promise<void> {
  return new Promise((sent) => {
    if (!process.send) throw new Error("job.ts is started by the command line, not by hand");
    process.send(message, undefined, {}, () => sent());
  });
}

async function work(request: JobRequest): Promise<void> {
  await send({ type: "phase", text: "starting the engine" });
  // Imported only now: the first message should not wait for the engines' native code.
  const [{ createEngine }, { loadModel, MODEL_IDS }, { profile }, { peakMeasurement }] = await Promise.all([
    import("../engine/registry.ts"),
    import("../model/models.ts"),
    import("../profile/profile.ts"),
    import("../profile/peak-memory.ts"),
  ]);
  const { engine, reason } = await createEngine(request.engine, request.gpu === undefined ? {} : { gpu: request.gpu });
  try {
    await send({ type: "phase", text: `loading the model ${request.model}` });
    const folder = resolve(request.folder, request.model);
    const id = !MODEL_IDS.includes(request.model) && existsSync(folder) ? folder : request.model;
    const model = await loadModel(id);
    await send({ type: "phase", text: "measuring this machine" });
    const report = await profile({
      ...request.settings,
      model,
      engine,
      engineReason: reason,
      measurePeak: peakMeasurement(engine.info.id, id, request.settings.chunk),
      signal: cancel.signal,
      onProgress: (progress) => void send({ type: "progress", progress }),
    });
    const settings = { ...report.settings, model: request.model };
    await send({ type: "done", report: { ...report, settings } });
  } finally {
    await engine.dispose();
  }
}

async function start(request: JobRequest): Promise<void> {
  try {
    await work(request);
  } catch (error) {
    await send(failure(error));
  }
  process.disconnect();
}

function failure(error: unknown): FromJob {
  if (!(error instanceof Error)) return { type: "failed", user: false, message: String(error) };
  const stack = error.stack === undefined ? {} : { stack: error.stack };
  return { type: "failed", user: error instanceof UserError, message: error.message, ...stack };
}

process.on("message", (message: ToJob) => {
  if (message.type === "start") void start(message.request);
  else cancel.abort(new Error("cancelled"));
});
// The owner is gone: nobody will read the result.
process.on("disconnect", () => process.exit());
