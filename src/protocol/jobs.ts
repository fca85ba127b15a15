import { z } from "zod";
import { DESIGN_IDS } from "../designs/designs.ts";
import { reportSchema, type Report } from "./report.ts";
import { deviceSchema, ENGINE_SETTINGS, engineSchema } from "./engines.ts";
import { selectionTableSchema } from "./selection-table.ts";
import { placeSchema, profileSettingsSchema, type Fixed } from "./settings.ts";

/**
 * What the runtime process is asked and answers. This folder is plain data: it knows what designs and models are called and
 * what bounds them, and never vscode, so that host, page, runtime and command line all import it.
 */
export const PROTOCOL_VERSION = 3;

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

/** What to profile, and how. */
export const profileParamsSchema = placeSchema.extend({
  ifUnderstood: z
    .array(z.enum(ENGINE_SETTINGS))
    .exactOptional()
    .describe("settings that hold for engines that understand them; any other is refused by an engine that does not"),
  folder: z.string().describe("what a relative checkpoint folder is relative to"),
  selectionTable: z.boolean().describe("answer with every query's selection, for following the cursor"),
  settleMs: z
    .int()
    .nonnegative()
    .exactOptional()
    .describe("time for the owner to draw what was found, before anything else is timed"),
  settings: profileSettingsSchema,
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
    variant: z.enum(DESIGN_IDS).optional(),
    done: z.number().nonnegative(),
    total: z.number().positive(),
  }),
]);

/** How long a run will take, as its first tokens went. */
const estimateSchema = z.strictObject({
  ms: z.number().nonnegative().describe("from the first tokens to the report"),
  shorter: z
    .strictObject({ tokens: z.int().positive(), ms: z.number().nonnegative() })
    .optional()
    .describe("the first tokens of a document that takes long, and how long those alone would take"),
});

/** What there is before the report is complete. */
export const foundSchema = z.strictObject({
  changed: reportSchema.partial().describe("parts of the report so far that changed; the first time, all it has"),
  estimate: estimateSchema.optional(),
});

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
export type ProfileParams = Fixed<z.infer<typeof profileParamsSchema>>;
export type ProfileResult = z.infer<typeof profileResultSchema>;
export type Estimate = z.infer<typeof estimateSchema>;
export type Found = z.infer<typeof foundSchema>;
/** The report so far, and how long the whole run will take once that is known. */
export interface SoFar {
  readonly report: Report;
  readonly estimate?: Estimate | undefined;
}
export type Progress = z.infer<typeof progressSchema>;
