import { z } from "zod";
import { CHECKPOINT_DESIGNS } from "../designs/designs.ts";
import { architectureSchema } from "./architecture.ts";
import { UserError } from "./errors.ts";
import { explainIssues } from "./explain.ts";
import { refuseTooLarge } from "./limits.ts";

export const CHECKPOINT_VERSION = 1;

/** config.json of a checkpoint folder. Other keys are for readers and are ignored. */
export const checkpointConfigSchema = z.object({
  format: z.literal("hysparse", 'this is not a HySparse checkpoint: "format" must be "hysparse"'),
  formatVersion: z.literal(CHECKPOINT_VERSION, {
    error: ({ input }) => `is ${JSON.stringify(input)}; this version reads ${CHECKPOINT_VERSION}`,
  }),
  name: z.string().min(1).max(200),
  weights: z.enum(["trained", "synthetic"]),
  /** What the weights were trained as; a dense model says "full" and lies under the same schedule for comparison. */
  design: z.enum(CHECKPOINT_DESIGNS).default(CHECKPOINT_DESIGNS[0]),
  architecture: architectureSchema.superRefine(refuseTooLarge),
  /** What a reader of a profile must know about these weights; shown in card and report. */
  notes: z.array(z.string().min(1)).optional(),
  /** How it was trained, for readers. */
  training: z.record(z.string(), z.unknown()).optional(),
  /** Roles of tokens, e.g. the one between documents. */
  specialTokens: z.record(z.string(), z.unknown()).optional(),
});

export type CheckpointConfig = z.infer<typeof checkpointConfigSchema>;

/**
 * @param source how to call the file in messages
 * @throws UserError listing what is wrong by field
 */
export function parseCheckpointConfig(json: string, source: string): CheckpointConfig {
  let raw: unknown;
  try {
    raw = JSON.parse(json);
  } catch (error) {
    throw new UserError(`${source} is not JSON: ${(error as Error).message}. Correct it or export it again.`);
  }
  const parsed = checkpointConfigSchema.safeParse(raw);
  if (!parsed.success) {
    throw new UserError(`${source}: ${explainIssues(parsed.error)}. Correct it or export the checkpoint again.`);
  }
  return parsed.data;
}
