import type { Runner, Variant } from "../engine/engine.ts";
import { UserError } from "../model/errors.ts";
import type { PreparedDocument } from "./document.ts";
import { decodeNote, measureRounds } from "./measure-rounds.ts";
import { memoryShortage } from "./memory-check.ts";
import type { ProgressMeter } from "./progress-meter.ts";
import { ratiosOf } from "./ratios.ts";
import type { Sweep, SweepPoint } from "../protocol/report.ts";
import { chunkOf, SWEEP_SHARE, type ProfileRequest } from "./request.ts";
import { runVariant } from "./run-variant.ts";
import { summarize } from "./statistics.ts";
import type { Runs } from "./timed-rounds.ts";

/**
 * Measures the same variants at other context lengths: latency and KV memory only. Each length is warmed up by one prefill
 * chunk and then run as the document is, in half its time where rounds follow the need. The document's own
 * length is always among the points and never run again: `measured` are its timed runs. `besides` are the others, ascending.
 * `onSweep` is told what there is after each of them.
 *
 * A length that does not fit is skipped and its reason kept: what was measured already is worth more than an error.
 * @throws the signal's reason when cancelled
 */
export async function measureSweep(
  request: ProfileRequest,
  document: PreparedDocument,
  besides: readonly number[],
  measured: Runs<Variant>,
  meter: ProgressMeter,
  onSweep: (sweep: Sweep) => Promise<void>,
): Promise<Sweep> {
  const runners = new Map<Variant, Runner>();
  const points: SweepPoint[] = [pointOf(document.tokens.length, false, measured)];
  const sweep = (): Sweep => ({ method: method(request), points: points.toSorted((a, b) => a.tokens - b.tokens) });
  try {
    for (const tokens of besides) {
      const repeated = tokens > document.allTokens.length;
      meter.beginPoint(tokens);
      const skipped = memoryShortage(request, tokens)?.text;
      if (skipped !== undefined) points.push({ tokens, repeated, variants: {}, skipped });
      else {
        try {
          const runs = await runLength(request, runners, contextOf(document.allTokens, tokens), meter);
          points.push(pointOf(tokens, repeated, runs));
        } catch (error) {
          request.signal?.throwIfAborted();
          points.push({ tokens, repeated, variants: {}, skipped: reason(error) });
          // A runner that failed is of no more use; the next length gets new ones.
          await disposeAll(runners);
        }
      }
      meter.endPoint();
      await onSweep(sweep());
    }
    return sweep();
  } finally {
    await disposeAll(runners);
  }
}

async function disposeAll(runners: Map<Variant, Runner>): Promise<void> {
  for (const runner of runners.values()) await runner.dispose();
  runners.clear();
}

/** `tokens` of a document: cut, or repeated from its start. */
export function contextOf(document: Uint32Array, tokens: number): Uint32Array {
  if (tokens <= document.length) return document.subarray(0, tokens);
  const context = new Uint32Array(tokens);
  for (let at = 0; at < tokens; at += document.length) context.set(document.subarray(0, tokens - at), at);
  return context;
}

async function runLength(
  request: ProfileRequest,
  runners: Map<Variant, Runner>,
  context: Uint32Array,
  meter: ProgressMeter,
): Promise<Runs<Variant>> {
  const { engine, model, variants, signal, warmup, decodeTokens } = request;
  for (const variant of variants) {
    if (!runners.has(variant)) runners.set(variant, await engine.load(model, variant, { chunk: chunkOf(request) }));
  }
  const title = `${context.length.toLocaleString("en-US")} tokens`;
  const options = { decodeTokens, signal, onProgress: (share: number) => meter.advance(share) };
  const chunk = context.subarray(0, chunkOf(request));
  for (let round = 0; round < warmup; round++) {
    for (const [variant, runner] of runners) {
      meter.begin(`${title}, warm-up`, variant, { share: chunk.length / context.length, tokens: context.length });
      await runVariant(runner, chunk, options);
    }
  }
  const together = decodeNote(request, context.length) === undefined;
  return measureRounds(request, runners, context, meter, { together, title: `${title}, `, share: SWEEP_SHARE });
}

function pointOf(tokens: number, repeated: boolean, runs: Runs<Variant>): SweepPoint {
  const ratios = ratiosOf(runs);
  return { tokens, repeated, variants: variantsOf(runs), ...(ratios.length === 0 ? {} : { ratios }) };
}

function variantsOf(runs: Runs<Variant>): SweepPoint["variants"] {
  const variants: SweepPoint["variants"] = {};
  for (const [variant, { prefills, decodes, kvBytes }] of runs) {
    const prefill = summarize(prefills.map(({ ms }) => ms));
    const perToken = decodes.map(({ ms }) => ms);
    variants[variant] = {
      prefillMs: prefill.medianMs,
      prefillSamples: prefill.samples,
      ...(perToken.length > 0
        ? { timePerOutputTokenMs: summarize(perToken).medianMs, timePerOutputTokenSamples: perToken }
        : {}),
      kvBytes: kvBytes.reduce((sum, bytes) => sum + bytes, 0),
    };
  }
  return variants;
}

function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof UserError ? message : `it failed unexpectedly: ${message}`;
}

function method({ repetitions, warmup, decodeTokens }: ProfileRequest): string {
  const timed =
    repetitions === "auto"
      ? "timed rounds of all variants until more of them would hardly narrow the intervals or the time for this length is over"
      : `${repetitions} timed ${repetitions === 1 ? "run" : "runs"} of each variant`;
  return (
    "The document's tokens cut to each length, or repeated to fill it (latency and KV memory do not ask what a text says, " +
    "but which blocks are selected, and so how well they are shared, depends on it); " +
    `${timed} after ${warmup} untimed of one prefill chunk, variants interleaved, batches of ${decodeTokens} decoded tokens ` +
    "(where memory cannot hold all contexts at once, only as many batches as prefills); the document's own length is the " +
    "main measurement."
  );
}
