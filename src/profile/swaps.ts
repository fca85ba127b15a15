import { asRun } from "../designs/as-planned.ts";
import { BASELINE, selectingDesign } from "../designs/designs.ts";
import { withParameters } from "../designs/laid.ts";
import type { Variant } from "../engine/engine.ts";
import { selectsAll } from "../model/architecture.ts";
import type { PreparedDocument } from "./document.ts";
import { memoryShortage } from "./memory-check.ts";
import type { ProgressMeter } from "./progress-meter.ts";
import type { SwapName, Swaps } from "../protocol/report.ts";
import { chunkOf, type ProfileRequest } from "./request.ts";
import { swapReport } from "./swap-report.ts";
import { swapRuns, type SwapRun } from "./swap-runs.ts";
import { TokenLoss } from "./token-loss.ts";

export interface MeasuredSwaps {
  readonly swaps: Swaps;
  /** Which replacement was not measured and why, a sentence each. */
  readonly leftOut: readonly string[];
}

/** The variant that runs with its selection swapped: the one of those asked for that has a selection. */
export function swappedVariant({ model, variants }: Pick<ProfileRequest, "model" | "variants">): Variant {
  const variant = selectingDesign(model.architecture, variants);
  if (variant === undefined) throw new Error("a request that swaps a selection was let through without one");
  return variant;
}

/** The variant that a run costs about as much as: with every block selected a sparse layer does what a full one does. */
export function costsLike({ parameters }: SwapRun, swapped: Variant): Variant {
  return parameters === undefined ? swapped : BASELINE;
}

/**
 * Measures what it costs to choose badly: the document's bits per byte under the learned selection and under each that
 * replaces it.
 * @throws the signal's reason when cancelled
 */
export async function measureSwaps(
  request: ProfileRequest,
  document: PreparedDocument,
  meter: ProgressMeter,
): Promise<MeasuredSwaps> {
  const { architecture, tokenizer } = request.model;
  const { tokens } = document;
  const variant = swappedVariant(request);
  const ran = asRun(architecture, variant);
  const bits = new Map<SwapName, Float64Array[]>();
  const leftOut: string[] = [];
  for (const run of swapRuns(architecture, variant, tokens.length)) {
    meter.begin(`swapping the selection: ${run.title}`, variant, { as: costsLike(run, variant) });
    const shortage = shortageOf(run, request, tokens.length);
    if (shortage === undefined) {
      const measured = await bitsUnder(run, request, tokens, meter);
      bits.set(run.name, [...(bits.get(run.name) ?? []), measured]);
    } else {
      leftOut.push(`Reading every block was not measured: with that many selected, ${shortage}.`);
    }
  }
  const swaps = swapReport({
    bits,
    bytes: Float64Array.from(tokens.subarray(1), (token) => tokenizer.byteLength(token)),
    document: document.report,
    text: request.document.text,
    includeText: request.includeText,
    block: ran.block,
    allSelected: selectsAll(ran, tokens.length),
  });
  return { swaps, leftOut };
}

/** The request with the parameters of a run. Weights and sinks do not depend on them. */
function requestOf({ parameters }: SwapRun, request: ProfileRequest): ProfileRequest {
  const { model } = request;
  if (parameters === undefined) return request;
  const variant = swappedVariant(request);
  const architecture = withParameters(model.architecture, variant, parameters);
  return { ...request, variants: [variant], model: { ...model, architecture } };
}

/** What memory lacks for a run that reads more than the model does; that was seen to before anything ran. */
function shortageOf(run: SwapRun, request: ProfileRequest, tokens: number): string | undefined {
  return run.parameters === undefined ? undefined : memoryShortage(requestOf(run, request), tokens)?.text;
}

/** Bits of every token but the first. [T - 1] */
async function bitsUnder(
  run: SwapRun,
  request: ProfileRequest,
  tokens: Uint32Array,
  meter: ProgressMeter,
): Promise<Float64Array> {
  const asked = requestOf(run, request);
  const { engine, model, signal } = asked;
  const loss = new TokenLoss(tokens, model.architecture.vocabulary);
  const runner = await engine.load(model, swappedVariant(asked), {
    chunk: chunkOf(asked),
    ...(run.swap === undefined ? {} : { swap: run.swap }),
  });
  try {
    await runner.prefill(tokens, {
      ...(signal === undefined ? {} : { signal }),
      observer: {
        onLogits: loss.add.bind(loss),
        onProgress: (done, total) => meter.advance(done / total),
      },
    });
  } finally {
    await runner.dispose();
  }
  return loss.bits();
}
