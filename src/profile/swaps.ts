import { selectsAll } from "../model/architecture.ts";
import type { PreparedDocument } from "./document.ts";
import type { ProgressMeter } from "./progress-meter.ts";
import type { SwapName, Swaps } from "./report.ts";
import { chunkOf, type ProfileRequest } from "./request.ts";
import { swapReport } from "./swap-report.ts";
import { swapRuns } from "./swap-runs.ts";
import { TokenLoss } from "./token-loss.ts";

/**
 * Measures what it costs to choose badly: the document's bits per byte under the learned selection and under each that
 * replaces it.
 * @throws the signal's reason when cancelled
 */
export async function measureSwaps(
  request: ProfileRequest,
  document: PreparedDocument,
  meter: ProgressMeter,
): Promise<Swaps> {
  const { engine, model, signal } = request;
  const { architecture, tokenizer } = model;
  const { tokens } = document;
  const bits = new Map<SwapName, Float64Array[]>();
  for (const { name, title, swap } of swapRuns(architecture)) {
    meter.begin(`swapping the selection: ${title}`, "hysparse");
    const loss = new TokenLoss(tokens, architecture.vocabulary);
    const runner = await engine.load(model, "hysparse", {
      chunk: chunkOf(request),
      ...(swap === undefined ? {} : { swap }),
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
    bits.set(name, [...(bits.get(name) ?? []), loss.bits()]);
  }
  return swapReport({
    bits,
    bytes: Float64Array.from(tokens.subarray(1), (token) => tokenizer.byteLength(token)),
    document: document.report,
    text: request.document.text,
    includeText: request.includeText,
    block: architecture.block,
    allSelected: selectsAll(architecture, tokens.length),
  });
}
