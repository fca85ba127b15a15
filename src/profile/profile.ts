import { asRun } from "../designs/as-planned.ts";
import { planOf, selectingDesign } from "../designs/designs.ts";
import { chosenDesigns } from "../designs/laid.ts";
import type { Runner, Variant } from "../engine/engine.ts";
import { checkRunsAs } from "../engine/runs-as.ts";
import { answerable, answerableFor } from "./answerable.ts";
import { plannedRuns, runChecks } from "./checks.ts";
import { prepareDocument, type PreparedDocument } from "./document.ts";
import { Draft, type Recording } from "./draft.ts";
import { estimateOf } from "./estimate.ts";
import { decodeNote, measureRounds } from "./measure-rounds.ts";
import { checkMemory } from "./memory-check.ts";
import { PartialReports } from "./partial-reports.ts";
import { ProgressMeter } from "./progress-meter.ts";
import type { Report, Sweep } from "../protocol/report.ts";
import { chunkOf, type ProfileRequest } from "./request.ts";
import { runVariant, type VariantRun, type VariantRunOptions } from "./run-variant.ts";
import { ScoreStatistics } from "./score-statistics.ts";
import { selectionTable } from "./selection-table.ts";
import { sweepLengths } from "./sweep-lengths.ts";
import { measureSweep } from "./sweep.ts";
import type { FirstTokens } from "./work.ts";

/** How many are run first, for an estimate of the rest: a second's work, and little of a document of four times as many. */
const FIRST_TOKENS = 512;

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
  const meter = new ProgressMeter(request, tokens, { sweep: besides, untimed: plannedRuns(request, tokens) });
  meter.phase("measuring the machine");
  const draft = new Draft(request, document, await engine.measureCeilings(signal), lengths);
  const partial = new PartialReports(draft, request);
  partial.tell();

  const runners = new Map<Variant, Runner>();
  try {
    for (const variant of variants) {
      runners.set(variant, await engine.load(model, variant, { chunk: chunkOf(request) }));
    }
    if (request.onPartial !== undefined && request.warmup > 0 && tokens >= 4 * FIRST_TOKENS) {
      meter.measured(await firstTokens(request, runners, document.tokens, meter));
      partial.tell(estimateOf(tokens, (length) => meter.estimate(length)));
    }
    const recording = await warmUp(request, runners, document, meter);
    if (recording !== undefined) tellSelection(request, document, recording);
    draft.lookedAt(recording);
    const alone = decodeNote(request, tokens);
    draft.add({}, [...(alone === undefined ? [] : [alone]), ...leftOut]);
    await partial.tellAndSettle();
    const together = alone === undefined;
    const onRound = request.onPartial && partial.round;
    const runs = await measureRounds(request, runners, document.tokens, meter, { together, onRound });
    draft.runs(runs);
    draft.done("prefill", "decode");
    // Once more at the end: on a shared machine the first measurement may have met a bad moment.
    draft.measuredAgain(await engine.measureCeilings(signal));
    await disposeAll(runners);
    partial.tell();
    for (const variant of variants) {
      meter.begin("peak memory", variant);
      draft.peak(variant, await peakOf(request, variant, document.tokens));
      meter.advance(1);
    }
    draft.done("peak");
    await partial.tellAndSettle();
    if (lengths !== undefined) {
      const onSweep = (sweep: Sweep): Promise<void> => {
        draft.add({ sweep });
        return partial.tellAndSettle();
      };
      draft.add({ sweep: await measureSweep(request, document, besides, runs, meter, onSweep) });
      draft.done("sweep");
      partial.tell();
    }
    // After everything whose time or memory is measured.
    await runChecks(request, document, meter, (check, { parts, warnings }) => {
      draft.add(parts, warnings);
      draft.done(check);
      partial.tell();
    });
    return draft.report();
  } finally {
    await disposeAll(runners);
  }
}

/** Every query's selection, for whoever asked. */
function tellSelection(request: ProfileRequest, document: PreparedDocument, { variant, selection }: Recording): void {
  const { architecture } = request.model;
  request.onSelection?.(
    selectionTable(asRun(architecture, variant), planOf(architecture, variant), selection, document.tokenStarts),
  );
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

/** The first tokens of each variant: they say how long the rest will take. */
async function firstTokens(
  request: ProfileRequest,
  runners: ReadonlyMap<Variant, Runner>,
  tokens: Uint32Array,
  meter: ProgressMeter,
): Promise<FirstTokens> {
  const first = tokens.subarray(0, FIRST_TOKENS);
  const runs = new Map<Variant, VariantRun>();
  for (const [variant, runner] of runners) {
    meter.begin("first tokens", variant, { share: first.length / tokens.length });
    runs.set(variant, await runVariant(runner, first, runOptions(request, meter)));
  }
  return { tokens: first.length, runs };
}

function runOptions({ decodeTokens, signal }: ProfileRequest, meter: ProgressMeter): VariantRunOptions {
  return { decodeTokens, signal, onProgress: (share) => meter.advance(share) };
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
        ...runOptions(request, meter),
        ...(statistics === undefined ? {} : { onScores: statistics.add.bind(statistics) }),
      });
      if (statistics !== undefined && run.selection !== undefined) {
        recording = { variant, selection: run.selection, statistics };
      }
    }
  }
  return recording;
}
