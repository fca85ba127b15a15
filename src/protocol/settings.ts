import { z } from "zod";
import { DESIGN_IDS } from "../designs/designs.ts";
import { SETTINGS } from "../model/setting-table.ts";

/**
 * What a profile can be asked for, once: requests, jobs, reports, the command line and the editor's settings take their
 * types from here, and their names, bounds and defaults from setting-table.ts.
 */
function whole({ least, most }: { readonly least: number; readonly most: number }): z.ZodInt {
  return z.int().min(least).max(most);
}

/** What runs what. */
export const placeSchema = z.strictObject({
  engine: z.string(),
  gpu: z.string().exactOptional().describe("a device's name, part of it, or its index"),
  threads: whole(SETTINGS.threads).exactOptional().describe("of the CPU engine; what suits the machine when absent"),
  model: z.string().describe("a known name, or a checkpoint folder"),
});

/** What people choose to measure. */
export const chosenSchema = z.strictObject({
  variants: z.array(z.enum(DESIGN_IDS)).min(1),
  designs: z
    .array(z.string().max(1000))
    .max(100)
    .exactOptional()
    .describe('designs with parameters, "streaming:window=1020" (designs/laid.ts); they join the variants'),
  decodeTokens: whole(SETTINGS.decodeTokens),
  repetitions: z
    .union([z.literal("auto"), whole(SETTINGS.repetitions)])
    .describe("timed rounds of prefill and of decode; auto makes as many as it takes to know the ratios (rounds.ts)"),
  importance: z.enum(SETTINGS.importance.choices).describe("whose interest is shown"),
  maxTokens: whole(SETTINGS.maxTokens).exactOptional().describe("cut the document after so many tokens"),
  chunk: whole(SETTINGS.chunk).exactOptional().describe("queries per prefill chunk"),
  sweep: z
    .union([z.literal("auto"), z.array(whole(SETTINGS.sweep))])
    .exactOptional()
    .describe(
      "context lengths to measure besides the document's; auto takes powers of two up to it (sweep-lengths.ts)",
    ),
  fidelity: z.boolean().exactOptional().describe("how much of each layer's attention its inherited blocks cover"),
  swaps: z.boolean().exactOptional().describe("what it costs to replace the selection"),
  oracleMap: z
    .union([z.literal("auto"), whole(SETTINGS.oracleMap)])
    .exactOptional()
    .describe("how much of each layer's attention lies where earlier layers chose so many tokens (oracle-map/plan.ts)"),
  includeText: z.boolean().describe("keep the document's text in the report"),
});

/** What to measure: plain data, so that it can cross a process border. */
export const profileSettingsSchema = chosenSchema.extend({
  document: z.strictObject({ name: z.string(), text: z.string() }),
  warmup: z
    .int()
    .nonnegative()
    .max(SETTINGS.repetitions.most)
    .describe("untimed rounds before; without one there is no recording, and so no selection and no importance"),
  checksIfPossible: z
    .boolean()
    .exactOptional()
    .describe("leave out what of the checks cannot be measured, with a warning, rather than refuse it"),
});

/** A value that nobody who gets it may change. */
export type Fixed<T> = T extends readonly (infer E)[]
  ? readonly Fixed<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Fixed<T[K]> }
    : T;

export type Place = Fixed<z.infer<typeof placeSchema>>;
export type Chosen = Fixed<z.infer<typeof chosenSchema>>;
export type ProfileSettings = Fixed<z.infer<typeof profileSettingsSchema>>;
