import { readFileSync } from "node:fs";
import type { Runner } from "../../engine/engine.ts";
import { createEngine } from "../../engine/registry.ts";
import { loadModel } from "../../model/models.ts";
import { asNeeded, exactly } from "../../profile/rounds.ts";
import { runVariant } from "../../profile/run-variant.ts";
import { timedRounds } from "../../profile/timed-rounds.ts";
import { roundsRequestSchema, type RoundsResult } from "./rounds-process.ts";

/**
 * The timed rounds of a profile and nothing else, in a process of its own: engine and model are loaded anew, each runner
 * is warmed up by one prefill chunk. Unlike a profile it may run the same variant twice.
 */
async function measure(message: unknown): Promise<RoundsResult> {
  const { engine: id, model: modelId, file, variants, decodeTokens, repetitions } = roundsRequestSchema.parse(message);
  const { engine } = await createEngine(id);
  const model = await loadModel(modelId);
  const tokens = model.tokenizer.encode(readFileSync(file, "utf8")).ids.subarray(0, model.architecture.maxContext);
  const runners = new Map<string, Runner>();
  for (const [i, variant] of variants.entries()) {
    const runner = await engine.load(model, variant);
    runners.set(`${variant} ${i}`, runner);
    const chunk = tokens.subarray(0, engine.defaultChunk(model));
    await runVariant(runner, chunk, { decodeTokens, onProgress: () => undefined });
  }
  const plan = (phase: "prefill" | "decode") => (repetitions === "auto" ? asNeeded(phase) : exactly(repetitions));
  const runs = await timedRounds({
    engine,
    runners,
    subject: [...runners.keys()][0]!,
    tokens,
    decodeTokens,
    plans: { prefill: plan("prefill"), decode: plan("decode") },
    together: true,
  });
  const { device, threads } = engine.info;
  return {
    device,
    threads,
    tokens: tokens.length,
    runners: [...runs.values()].map(({ prefills, decodes }) => ({
      prefill: prefills.map(({ ms }) => ms),
      decode: decodes.map(({ ms }) => ms),
    })),
  };
}

// A parent that is gone cannot be told anything.
process.once("disconnect", () => process.exit(1));
process.once("message", (message) => {
  measure(message).then(
    (result) => process.send?.(result, () => process.exit(0)),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exit(1);
    },
  );
});
