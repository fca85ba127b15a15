import os from "node:os";
import { readLimits, type Limits } from "../engine/control-groups.ts";
import { asRun, asWritten } from "../designs/as-planned.ts";
import { planOf, selectingDesign } from "../designs/designs.ts";
import { chosenDesigns } from "../designs/laid.ts";
import type { Ceilings, Runner, Variant } from "../engine/engine.ts";
import { totalMemory } from "../engine/machine.ts";
import { checkRunsAs } from "../engine/runs-as.ts";
import type { Selection } from "../engine/selection.ts";
import { schedule, selectedBlocks } from "../model/architecture.ts";
import { manifest } from "../model/package-root.ts";
import { answerable, answerableFor } from "./answerable.ts";
import { plannedRuns, runChecks } from "./checks.ts";
import { prepareDocument, type PreparedDocument } from "./document.ts";
import { importanceReport } from "./importance.ts";
import { decodeNote, measureRounds } from "./measure-rounds.ts";
import { checkMemory } from "./memory-check.ts";
import { ProgressMeter } from "./progress-meter.ts";
import { RATIO_METHOD, ratiosOf } from "./ratios.ts";
import { SCHEMA_VERSION, type Report } from "../protocol/report.ts";
import { chunkOf, type ProfileRequest } from "./request.ts";
import { runVariant } from "./run-variant.ts";
import { ScoreStatistics } from "./score-statistics.ts";
import { selectionTable, timesSelected } from "./selection-table.ts";
import { sweepLengths } from "./sweep-lengths.ts";
import { measureSweep } from "./sweep.ts";
import type { Runs } from "./timed-rounds.ts";
import { CONFIDENCE } from "./time-ratio.ts";
import { unequalLayers } from "./unequal-layers.ts";
import { variantReport } from "./variant-report.ts";
import { warnings } from "./warnings.ts";

/** What the untimed rounds are kept for. */
interface Recording {
  readonly variant: Variant;
  readonly selection: Selection;
  readonly statistics: ScoreStatistics;
}

/**
 * Profiles a document: tokenizes it, runs every variant in turn on the engine (untimed first, then interleaved with the
 * order rotated by one each round: measure-rounds.ts), and returns the report.
 *
 * @throws UserError for input that cannot be profiled; the signal's reason when cancelled
 */
export async function profile(asked: ProfileRequest): Promise<Report> {
  const wanted = withDesigns(asked);
  const { model, engine, variants, signal } = wanted;
  checkRunsAs(model, variants);
  const possible = answerable(wanted);
  wanted.onProgress?.({ phase: "reading the document", done: 0, total: 1 });
  const document = await prepareDocument(wanted);
  const tokens = document.tokens.length;
  checkMemory(wanted, tokens);
  const { request, leftOut } = answerableFor(tokens, possible);
  const lengths = request.sweep === undefined ? undefined : sweepLengths(request.sweep, tokens);
  const besides = (lengths ?? []).filter((length) => length !== tokens);
  const meter = new ProgressMeter(request, tokens, besides, plannedRuns(request, tokens));
  meter.phase("measuring the machine");
  let ceilings = await engine.measureCeilings(signal);

  const runners = new Map<Variant, Runner>();
  try {
    for (const variant of variants) {
      runners.set(variant, await engine.load(model, variant, { chunk: chunkOf(request) }));
    }
    const recording = await warmUp(request, runners, document, meter);
    if (recording !== undefined) {
      request.onSelection?.(
        selectionTable(
          asRun(model.architecture, recording.variant),
          planOf(model.architecture, recording.variant),
          recording.selection,
          document.tokenStarts,
        ),
      );
    }
    const alone = decodeNote(request, tokens);
    const runs = await measureRounds(request, runners, document.tokens, meter, { together: alone === undefined });
    // Once more at the end: on a shared machine the first measurement may have met a bad moment.
    ceilings = highest(ceilings, await engine.measureCeilings(signal));
    const peaks = new Map<Variant, number>();
    await disposeAll(runners);
    for (const variant of variants) {
      meter.begin("peak memory", variant);
      peaks.set(variant, await peakOf(request, variant, document.tokens));
      meter.advance(1);
    }
    const sweep = lengths && (await measureSweep(request, document, besides, runs, meter));
    // After everything whose time or memory is measured.
    const checks = await runChecks(request, document, meter);
    const report = assemble(request, document, ceilings, runners, runs, peaks, recording);
    return {
      ...report,
      settings: { ...report.settings, ...checks.settings, ...(lengths === undefined ? {} : { sweep: lengths }) },
      ...checks.parts,
      ...(sweep === undefined ? {} : { sweep }),
      warnings: [...report.warnings, ...(alone === undefined ? [] : [alone]), ...leftOut, ...checks.warnings],
    };
  } finally {
    await disposeAll(runners);
  }
}

/** The request with the designs it names among its variants, and their parameters laid over its model. */
function withDesigns(request: ProfileRequest): ProfileRequest {
  const { designs = [], model } = request;
  if (designs.length === 0) return request;
  const { variants, architecture } = chosenDesigns(designs, request.variants, model.architecture);
  return { ...request, variants, model: { ...model, architecture } };
}

async function disposeAll(runners: ReadonlyMap<Variant, Runner>): Promise<void> {
  for (const runner of runners.values()) await runner.dispose();
}

/** The most memory that one run of a variant takes: counted on the device where the engine has one, else by a process. */
async function peakOf(request: ProfileRequest, variant: Variant, tokens: Uint32Array): Promise<number> {
  const { engine, model, signal } = request;
  if (engine.meter === undefined) return request.measurePeak(variant, tokens, signal);
  engine.meter.resetPeak();
  const runner = await engine.load(model, variant, { chunk: chunkOf(request) });
  try {
    await runVariant(runner, tokens, { decodeTokens: 1, signal, onProgress: () => undefined });
    return engine.meter.peakBytes;
  } finally {
    await runner.dispose();
  }
}

function highest(a: Ceilings, b: Ceilings): Ceilings {
  return {
    matrixGflops: Math.max(a.matrixGflops, b.matrixGflops),
    copyGBps: Math.max(a.copyGBps, b.copyGBps),
    reads: a.reads.map(({ bytes, GBps }, i) => ({ bytes, GBps: Math.max(GBps, b.reads[i]?.GBps ?? 0) })),
    method: `${a.method}; measured before and after the runs, the better counts`,
  };
}

/**
 * The untimed rounds. In the first, the design that chooses blocks runs the whole document and its selection and scores are
 * kept; every other warm-up runs one prefill chunk, enough to compile graphs and touch the buffers.
 */
async function warmUp(
  request: ProfileRequest,
  runners: ReadonlyMap<Variant, Runner>,
  document: PreparedDocument,
  meter: ProgressMeter,
): Promise<Recording | undefined> {
  const { architecture } = request.model;
  const asked = request.importance === "document" ? "document" : new Set([document.tokens.length - 1]);
  const chunk = document.tokens.subarray(0, chunkOf(request));
  const recorded = selectingDesign(architecture, [...runners.keys()]);
  let recording: Recording | undefined;
  for (let round = 0; round < request.warmup; round++) {
    for (const [variant, runner] of runners) {
      const statistics =
        variant === recorded && recording === undefined
          ? new ScoreStatistics(document.tokens.length, asRun(architecture, variant).block, architecture.kvHeads, asked)
          : undefined;
      const tokens = statistics === undefined ? chunk : document.tokens;
      meter.begin("warm-up", variant, { share: tokens.length / document.tokens.length });
      const run = await runVariant(runner, tokens, {
        decodeTokens: request.decodeTokens,
        signal: request.signal,
        onProgress: (share) => meter.advance(share),
        ...(statistics === undefined ? {} : { onScores: statistics.add.bind(statistics) }),
      });
      if (statistics !== undefined && run.selection !== undefined) {
        recording = { variant, selection: run.selection, statistics };
      }
    }
  }
  return recording;
}

function assemble(
  request: ProfileRequest,
  document: PreparedDocument,
  ceilings: Ceilings,
  runners: ReadonlyMap<Variant, Runner>,
  runs: Runs<Variant>,
  peaks: ReadonlyMap<Variant, number>,
  recording: Recording | undefined,
): Report {
  const { model, engine } = request;
  const { architecture } = model;
  const { info } = engine;
  const pairs = ratiosOf(runs);
  const limits = readLimits();
  const variants: Report["variants"] = {};
  for (const variant of runners.keys()) {
    variants[variant] = variantReport({
      model,
      variant,
      rounds: runs.get(variant)!,
      tokens: document.tokens.length,
      decodeTokens: request.decodeTokens,
      bytesPerValue: info.kvBytesPerValue,
      ceilings,
      chunk: chunkOf(request),
      peakBytes: peaks.get(variant) ?? 0,
    });
  }
  return {
    schemaVersion: SCHEMA_VERSION,
    tool: manifest(),
    createdAt: new Date().toISOString(),
    document: document.report,
    environment: {
      engine: info.id,
      engineReason: request.engineReason,
      device: info.device,
      dtype: info.dtype,
      threads: info.threads,
      os: `${os.type()} ${os.release()}`,
      arch: os.arch(),
      memoryBytes: totalMemory(limits),
      ...containerReport(limits),
      versions: { ...info.versions },
      ...(info.kernels === undefined ? {} : { kernels: info.kernels }),
      ...(info.gpu === undefined ? {} : { gpu: { ...info.gpu } }),
      ceilings: { ...ceilings, reads: [...ceilings.reads] },
    },
    model: {
      name: model.name,
      weights: model.origin,
      parameters: model.parameters,
      ...(model.sha256 === undefined ? {} : { sha256: model.sha256 }),
      architecture: asWritten(architecture),
      schedule: schedule(architecture),
      notes: [...model.notes],
    },
    settings: {
      variants: [...request.variants],
      repetitions: Math.max(...[...runs.values()].map(({ prefills }) => prefills.length)),
      ...(request.repetitions === "auto" ? { rounds: "auto" as const } : {}),
      warmup: request.warmup,
      decodeTokens: request.decodeTokens,
      chunk: chunkOf(request),
      ...(request.maxTokens === undefined ? {} : { maxTokens: request.maxTokens }),
      importance: request.importance,
    },
    variants,
    ...(pairs.length === 0 ? {} : { ratios: { method: RATIO_METHOD, confidence: CONFIDENCE, pairs } }),
    ...(recording === undefined ? {} : { selection: selectionReport(request, document, recording) }),
    ...(recording === undefined || model.origin === "synthetic"
      ? {}
      : {
          importance: importanceReport({
            statistics: recording.statistics,
            selection: recording.selection,
            queries: request.importance,
            tokens: document.tokens.length,
            blockRanges: document.report.blockRanges,
            text: request.document.text,
            includeText: request.includeText,
          }),
        }),
    warnings: [...warnings(request, document, limits), ...unequalLayers(variants)],
  };
}

function containerReport({ cpus, memoryBytes }: Limits): Pick<Report["environment"], "container"> {
  const container = { ...(cpus === undefined ? {} : { cpus }), ...(memoryBytes === undefined ? {} : { memoryBytes }) };
  return Object.keys(container).length === 0 ? {} : { container };
}

/** What each feeding oracle selected for the document's last token, and how often it selected each block. */
function selectionReport(
  request: ProfileRequest,
  document: PreparedDocument,
  { selection, variant }: Recording,
): NonNullable<Report["selection"]> {
  const plan = planOf(request.model.architecture, variant);
  const architecture = asRun(request.model.architecture, variant);
  const token = document.tokens.length - 1;
  return {
    block: architecture.block,
    slots: selectedBlocks(architecture),
    oracles: selection.oracles.map((oracle) => ({
      layer: oracle.layer,
      feeds: [...(plan[oracle.layer]?.feeds ?? [])],
      queries: [{ token, heads: Array.from({ length: oracle.kvHeads }, (_, head) => oracle.at(token, head)) }],
      timesSelected: timesSelected(oracle, document.tokens.length, architecture.block),
    })),
  };
}
