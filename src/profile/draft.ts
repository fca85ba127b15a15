import os from "node:os";
import { asRun, asWritten } from "../designs/as-planned.ts";
import { planOf, selectingDesign } from "../designs/designs.ts";
import { readLimits, type Limits } from "../engine/control-groups.ts";
import type { Ceilings, Variant } from "../engine/engine.ts";
import { totalMemory } from "../engine/machine.ts";
import type { Selection } from "../engine/selection.ts";
import { schedule, selectedBlocks } from "../model/architecture.ts";
import { manifest } from "../model/package-root.ts";
import type { MissingPart } from "../protocol/partial.ts";
import { SCHEMA_VERSION, type Report } from "../protocol/report.ts";
import { askedChecks, type Check } from "./answerable.ts";
import type { PreparedDocument } from "./document.ts";
import { importanceReport } from "./importance.ts";
import { RATIO_METHOD, ratiosOf } from "./ratios.ts";
import { chunkOf, type ProfileRequest } from "./request.ts";
import type { ScoreStatistics } from "./score-statistics.ts";
import { timesSelected } from "./selection-table.ts";
import { CONFIDENCE } from "./time-ratio.ts";
import type { Runs } from "./timed-rounds.ts";
import { unequalLayers } from "./unequal-layers.ts";
import { variantReport } from "./variant-report.ts";
import { warnings } from "./warnings.ts";

/** What the untimed rounds are kept for. */
export interface Recording {
  readonly variant: Variant;
  readonly selection: Selection;
  readonly statistics: ScoreStatistics;
}

/**
 * The report as far as it is measured. It is partial as long as something that was asked for is missing, and complete once the
 * last part has arrived: there is no other way to make one.
 */
export class Draft {
  readonly #request: ProfileRequest;
  readonly #document: PreparedDocument;
  readonly #limits = readLimits();
  readonly #missing: Set<MissingPart>;
  readonly #settings: Pick<Report["settings"], "sweep" | Check>;
  #ceilings: Ceilings;
  #runs: Runs<Variant> = new Map();
  #parts: Pick<Report, "selection" | "importance" | "sweep" | Check> = {};
  readonly #peaks = new Map<Variant, number>();
  readonly #notes: string[] = [];

  /** @param lengths of the sweep that was asked for */
  constructor(
    request: ProfileRequest,
    document: PreparedDocument,
    ceilings: Ceilings,
    lengths: readonly number[] | undefined,
  ) {
    const { model, variants, warmup, decodeTokens, fidelity, swaps, oracleMap } = request;
    this.#request = request;
    this.#document = document;
    this.#ceilings = ceilings;
    const asked: readonly (readonly [MissingPart, boolean])[] = [
      ["selection", warmup > 0 && selectingDesign(model.architecture, variants) !== undefined],
      ["prefill", true],
      ["decode", decodeTokens > 0],
      ["peak", true],
      ["sweep", lengths !== undefined],
    ];
    this.#missing = new Set([...asked.flatMap(([part, is]) => (is ? [part] : [])), ...askedChecks(request)]);
    this.#settings = {
      ...(lengths === undefined ? {} : { sweep: [...lengths] }),
      ...(fidelity === true ? { fidelity } : {}),
      ...(swaps === true ? { swaps } : {}),
      ...(oracleMap === undefined ? {} : { oracleMap }),
    };
  }

  /** These are measured as far as they ever will be, found or not. */
  done(...parts: readonly MissingPart[]): void {
    for (const part of parts) this.#missing.delete(part);
  }

  /** The machine once more: the better measurement counts. */
  measuredAgain(ceilings: Ceilings): void {
    this.#ceilings = highest(this.#ceilings, ceilings);
  }

  /** The timed runs so far. */
  runs(measured: Runs<Variant>): void {
    this.#runs = measured;
  }

  peak(variant: Variant, bytes: number): void {
    this.#peaks.set(variant, bytes);
  }

  /** What a step brought of the report's own parts. */
  add(parts: Pick<Report, "sweep" | Check>, notes: readonly string[] = []): void {
    this.#parts = { ...this.#parts, ...parts };
    this.#notes.push(...notes);
  }

  /** What the model looked at, of the untimed run that was recorded; undefined where none was. */
  lookedAt(recording: Recording | undefined): void {
    this.done("selection");
    if (recording === undefined) return;
    const { model, importance, document, includeText } = this.#request;
    this.#parts.selection = selectionReport(this.#request, this.#document, recording);
    if (model.origin === "synthetic") return;
    this.#parts.importance = importanceReport({
      statistics: recording.statistics,
      selection: recording.selection,
      queries: importance,
      tokens: this.#document.tokens.length,
      blockRanges: this.#document.report.blockRanges,
      text: document.text,
      includeText,
    });
  }

  /** All of it, as it stands. */
  report(): Report {
    const request = this.#request;
    const pairs = ratiosOf(this.#runs);
    const variants = this.#variants();
    return {
      schemaVersion: SCHEMA_VERSION,
      tool: manifest(),
      createdAt: new Date().toISOString(),
      ...(this.#missing.size === 0 ? {} : { partial: { state: "running", missing: [...this.#missing] } }),
      document: this.#document.report,
      environment: environmentReport(request, this.#limits, this.#ceilings),
      model: modelReport(request),
      settings: { ...settingsReport(request, this.#runs), ...this.#settings },
      variants,
      ...(pairs.length === 0 ? {} : { ratios: { method: RATIO_METHOD, confidence: CONFIDENCE, pairs } }),
      ...this.#parts,
      warnings: [...warnings(request, this.#document, this.#limits), ...unequalLayers(variants), ...this.#notes],
    };
  }

  #variants(): Report["variants"] {
    const request = this.#request;
    const variants: Report["variants"] = {};
    for (const [variant, rounds] of this.#runs) {
      const peakBytes = this.#peaks.get(variant);
      variants[variant] = variantReport({
        model: request.model,
        variant,
        rounds,
        tokens: this.#document.tokens.length,
        decodeTokens: request.decodeTokens,
        bytesPerValue: request.engine.info.kvBytesPerValue,
        ceilings: this.#ceilings,
        chunk: chunkOf(request),
        ...(peakBytes === undefined ? {} : { peakBytes }),
      });
    }
    return variants;
  }
}

function environmentReport(
  { engine: { info }, engineReason }: ProfileRequest,
  limits: Limits,
  ceilings: Ceilings,
): Report["environment"] {
  return {
    engine: info.id,
    engineReason,
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
  };
}

function modelReport({ model }: ProfileRequest): Report["model"] {
  return {
    name: model.name,
    weights: model.origin,
    parameters: model.parameters,
    ...(model.sha256 === undefined ? {} : { sha256: model.sha256 }),
    architecture: asWritten(model.architecture),
    schedule: schedule(model.architecture),
    notes: [...model.notes],
  };
}

function settingsReport(request: ProfileRequest, runs: Runs<Variant>): Report["settings"] {
  const made = Math.max(1, ...[...runs.values()].map(({ prefills }) => prefills.length));
  return {
    variants: [...request.variants],
    ...(request.repetitions === "auto"
      ? { repetitions: made, rounds: "auto" as const }
      : { repetitions: request.repetitions }),
    warmup: request.warmup,
    decodeTokens: request.decodeTokens,
    chunk: chunkOf(request),
    ...(request.maxTokens === undefined ? {} : { maxTokens: request.maxTokens }),
    importance: request.importance,
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

function highest(a: Ceilings, b: Ceilings): Ceilings {
  return {
    matrixGflops: Math.max(a.matrixGflops, b.matrixGflops),
    copyGBps: Math.max(a.copyGBps, b.copyGBps),
    reads: a.reads.map(({ bytes, GBps }, i) => ({ bytes, GBps: Math.max(GBps, b.reads[i]?.GBps ?? 0) })),
    method: `${a.method}; measured before and after the runs, the better counts`,
  };
}
