import { z } from "zod";
import { MOST_DECODED, MOST_REPETITIONS, MOST_TOKENS } from "../model/limits.ts";
import { VARIANTS } from "../engine/engine.ts";
import { reportSchema } from "../profile/report.ts";
import { deviceSchema, ENGINE_SETTINGS, engineSchema } from "./engines.ts";
import { selectionTableSchema } from "./selection-table.ts";

/**
 * What the runtime process is asked and answers. This folder is plain data: it knows the report's schema and nothing
 * else of ours, and never vscode, so that host, page, runtime and command line all import it.
 */
export const PROTOCOL_VERSION = 2;

const count = z.int().nonnegative();

export const handshakeSchema = z.strictObject({
  protocol: z.int().describe("a runtime of another number is refused"),
  version: z.string().describe("of the package"),
  pid: z.int().positive(),
  node: z.string().describe("process.version of the runtime"),
});

export const devicesSchema = z.strictObject({
  engines: z.array(engineSchema),
  devices: z.array(deviceSchema).describe("of all engines, in their order"),
  models: z.array(z.strictObject({ id: z.string(), description: z.string() })),
});

/** What to profile, and how; `settings` is profile/request.ts's ProfileSettings. */
export const profileParamsSchema = z.strictObject({
  engine: z.string(),
  gpu: z.string().optional(),
  threads: z.int().positive().optional().describe("of the CPU engine; what suits the machine when absent"),
  ifUnderstood: z
    .array(z.enum(ENGINE_SETTINGS))
    .optional()
    .describe("settings that hold for engines that understand them; any other is refused by an engine that does not"),
  model: z.string().describe("a known name, or a checkpoint folder"),
  folder: z.string().describe("what a relative checkpoint folder is relative to"),
  selectionTable: z.boolean().describe("answer with every query's selection, for following the cursor"),
  settings: z.strictObject({
    document: z.strictObject({ name: z.string(), text: z.string() }),
    variants: z.array(z.enum(VARIANTS)).min(1),
    decodeTokens: count.max(MOST_DECODED),
    repetitions: z.union([z.literal("auto"), z.int().positive().max(MOST_REPETITIONS)]),
    warmup: count.max(MOST_REPETITIONS),
    importance: z.enum(["last-token", "document"]),
    maxTokens: z.int().positive().max(MOST_TOKENS).optional(),
    chunk: z.int().positive().max(MOST_TOKENS).optional(),
    sweep: z
      .union([z.literal("auto"), z.array(z.int().positive().max(MOST_TOKENS))])
      .optional()
      .describe("context lengths to measure besides the document's; auto takes powers of two up to it"),
    fidelity: z.boolean().optional(),
    swaps: z.boolean().optional(),
    checksIfPossible: z.boolean().optional(),
    includeText: z.boolean(),
  }),
});

export const profileResultSchema = z.strictObject({
  report: reportSchema,
  selection: selectionTableSchema.optional(),
});

export const progressSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("phase"), text: z.string() }),
  z.strictObject({
    kind: z.literal("progress"),
    phase: z.string(),
    variant: z.enum(VARIANTS).optional(),
    done: z.number().nonnegative(),
    total: z.number().positive(),
  }),
]);

/** Codes of errors that cross the process border; the message is for people. */
export const ERROR_CODE = {
  /** A mistake that the user can mend. */
  user: 1,
  /** Stopped as asked. */
  cancelled: 2,
  /** One job at a time. */
  busy: 3,
  /** Nobody foresaw it; `data.stack` says where. */
  fault: 4,
} as const;

export type Handshake = z.infer<typeof handshakeSchema>;
export type Devices = z.infer<typeof devicesSchema>;
export type ProfileParams = z.infer<typeof profileParamsSchema>;
export type ProfileResult = z.infer<typeof profileResultSchema>;
export type Progress = z.infer<typeof progressSchema>;
