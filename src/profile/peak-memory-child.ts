import { chosenDesigns } from "../designs/laid.ts";
import { createEngine } from "../engine/registry.ts";
import { loadModel } from "../model/models.ts";
import { peakRequestSchema } from "./peak-memory.ts";
import { argmax } from "./run-variant.ts";

/** Runs one variant once and tells the parent the most memory that this process ever held. */
async function measure(message: unknown): Promise<void> {
  const request = peakRequestSchema.parse(message);
  const { engine } = await createEngine(
    request.engine,
    request.threads === undefined ? {} : { threads: request.threads },
  );
  const loaded = await loadModel(request.model);
  const { architecture } = chosenDesigns(request.designs ?? [], [request.variant], loaded.architecture);
  const model = { ...loaded, architecture };
  const runner = await engine.load(model, request.variant, request.chunk === undefined ? {} : { chunk: request.chunk });
  const logits = await runner.prefill(Uint32Array.from(request.tokens));
  await runner.reserve(request.tokens.length + 1);
  await runner.decode(argmax(logits));
  process.send?.({ peakBytes: process.resourceUsage().maxRSS * 1024 }, () => process.exit(0));
}

// A parent that is gone cannot be told anything.
process.once("disconnect", () => process.exit(1));
process.once("message", (message) => {
  measure(message).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
});
