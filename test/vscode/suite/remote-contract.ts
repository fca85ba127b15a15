import { z } from "zod";

/**
 * What a driver outside VS Code asks of the extension host: steps that have no key, and what the extension says of
 * itself. One request per line of a local socket's connection, answered by one line.
 */
export const REMOTE_VARIABLE = "HYSPARSE_TEST_REMOTE";

export const requestSchema = z.discriminatedUnion("ask", [
  /** Opens a file (an absolute path) in the first column. */
  z.strictObject({ ask: z.literal("open"), path: z.string() }),
  /** Runs a command and does not wait for its end. */
  z.strictObject({ ask: z.literal("command"), command: z.string() }),
  z.strictObject({ ask: z.literal("setting"), key: z.string(), value: z.json() }),
  /** Puts the cursor of the active editor at a UTF-16 offset and shows it. */
  z.strictObject({ ask: z.literal("cursor"), offset: z.int().nonnegative() }),
  /** What "Export Report..." and "Compare with Report..." do after their dialogs; JSON, absolute paths. */
  z.strictObject({ ask: z.literal("exportTo"), path: z.string() }),
  z.strictObject({ ask: z.literal("compareWith"), path: z.string() }),
  /** While following: goes to each offset in turn and waits for its token; answers two times for each. */
  z.strictObject({ ask: z.literal("moves"), offsets: z.array(z.int().nonnegative()) }),
  /** Opens a webview that holds nothing but a script which says that it runs, and closes it; answers how long that took. */
  z.strictObject({ ask: z.literal("emptyPanel") }),
  z.strictObject({ ask: z.literal("snapshot") }),
  z.strictObject({ ask: z.literal("end") }),
]);

/** The extension as ExtensionApi shows it, and the active editor. */
export const snapshotSchema = z.strictObject({
  activationMs: z.number(),
  runtime: z.strictObject({ state: z.string(), pid: z.int().optional() }),
  createdAt: z.string().optional(),
  tokens: z.int().optional(),
  busy: z.boolean(),
  phase: z.string().optional(),
  headline: z.string().optional(),
  sections: z.array(z.string()).optional().describe("that the page shows"),
  openMs: z.number().optional(),
  paintMs: z.number().optional(),
  follow: z.boolean(),
  cursorToken: z.int().optional(),
  cursorStart: z.int().optional(),
  cursorEnd: z.int().optional(),
  lastUpdateMs: z.number().optional(),
  ranges: z.int().describe("highlighted in the active editor"),
  stale: z.boolean(),
  lastError: z.string().optional(),
  characters: z.int().optional().describe("of the active editor's document"),
  selected: z
    .strictObject({ path: z.string(), start: z.int(), end: z.int(), inView: z.boolean() })
    .optional()
    .describe("in the first visible text editor, UTF-16 offsets"),
});

export const moveSchema = z.strictObject({
  updateMs: z.number().describe("from the move's arrival in the extension to its highlights being handed to VS Code"),
  toldMs: z.number().describe("from the wish to move to the panel being told of the new token"),
});

export const answerSchema = z.union([
  z.strictObject({
    snapshot: snapshotSchema.optional(),
    moves: z.array(moveSchema).optional(),
    milliseconds: z.number().optional(),
  }),
  z.strictObject({ failure: z.string() }),
]);

export type Request = z.infer<typeof requestSchema>;
export type Snapshot = z.infer<typeof snapshotSchema>;
export type Move = z.infer<typeof moveSchema>;
export type Answer = z.infer<typeof answerSchema>;
