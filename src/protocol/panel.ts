import { z } from "zod";
import { reportSchema } from "./report.ts";
import { progressSchema } from "./jobs.ts";

/**
 * What the extension host and the panel's page say to each other. The page asks once (`ready`) and is told the whole
 * state, so a reload or a moved panel costs nothing; both sides validate what they receive.
 */
const index = z.int().nonnegative();

/** A running job, as the page shows it. */
export const jobSchema = z.strictObject({
  title: z.string().describe("for people: what is being profiled"),
  progress: progressSchema,
  stopping: z.boolean(),
  estimate: z.string().optional().describe("for people: how long the whole run takes, once that is known"),
});

/** The token under the editor's cursor and what it selects. Block numbers index `document.blockRanges`. */
export const cursorSchema = z.strictObject({
  token: index,
  start: index.describe("UTF-16 offset of the token"),
  end: index,
  line: z.int().positive(),
  oracles: z.array(
    z.strictObject({
      layer: index,
      feeds: z.array(index),
      blocks: z.array(z.strictObject({ block: index, heads: z.int().positive(), score: z.number().nonnegative() })),
    }),
  ),
  windowStart: index.describe("UTF-16 offset of the first token in the sliding window"),
  unreadableTokens: index.describe("visible tokens that no sparse layer can read for it"),
});

export const panelStateSchema = z.strictObject({
  report: reportSchema.optional().describe("absent until something was profiled"),
  baseline: z.strictObject({ name: z.string(), report: reportSchema }).optional().describe("compare with this one"),
  source: z
    .enum(["profile", "file", "sample", "page"])
    .describe("page: it lies in the page itself, which nobody hosts"),
  /** Where the document is: its text is `text`; edited since it was profiled; not open; not known to this window. */
  document: z.enum(["current", "edited", "closed", "unknown"]),
  text: z.string().optional().describe("the profiled document's text, where the host has it and its hash agrees"),
  cursor: cursorSchema.optional(),
  job: jobSchema.optional(),
  highlights: z.boolean(),
  follow: z.boolean(),
  canFollow: z.boolean().describe("every query's selection is at hand"),
  trusted: z.boolean(),
});

export const toPanelSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("state"), state: panelStateSchema }),
  z.strictObject({ type: z.literal("job"), job: jobSchema.optional() }),
  z.strictObject({ type: z.literal("cursor"), cursor: cursorSchema.optional() }),
  z.strictObject({ type: z.literal("failure"), message: z.string() }),
]);

/** Commands that the page may ask for: names of ours, without the prefix "hysparse.". */
export const PANEL_COMMANDS = [
  "profileDocument",
  "stop",
  "sweep",
  "compare",
  "endCompare",
  "exportReport",
  "openReport",
  "showSample",
  "showLog",
  "chooseEngine",
  "chooseModel",
  "toggleHighlights",
  "followCursor",
] as const;

export const fromPanelSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready") }),
  z.strictObject({ type: z.literal("reveal"), start: index, end: index, focus: z.boolean() }),
  z.strictObject({ type: z.literal("command"), command: z.enum(PANEL_COMMANDS) }),
  /** Sent after each state is on the screen, with what a reader sees first; `milliseconds` since the message came. */
  z.strictObject({
    type: z.literal("painted"),
    milliseconds: z.number().nonnegative(),
    headline: z.string(),
    sections: z.array(z.string()),
  }),
]);

export type Job = z.infer<typeof jobSchema>;
export type Cursor = z.infer<typeof cursorSchema>;
export type PanelState = z.infer<typeof panelStateSchema>;
export type ToPanel = z.infer<typeof toPanelSchema>;
export type FromPanel = z.infer<typeof fromPanelSchema>;
export type PanelCommand = (typeof PANEL_COMMANDS)[number];
