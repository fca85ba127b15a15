import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { z } from "zod";

/**
 * What a suite inside VS Code tells whoever started it, a line of JSON each, in the file that this variable names. A
 * file, because it is the one thing that crosses from every kind of extension host, and survives its death.
 */
export const EVENTS_VARIABLE = "HYSPARSE_TEST_EVENTS";

const eventSchema = z.discriminatedUnion("event", [
  z.strictObject({ event: z.literal("begin"), stories: z.int().nonnegative() }),
  z.strictObject({ event: z.literal("start"), title: z.string() }),
  z.strictObject({ event: z.literal("pass"), title: z.string(), milliseconds: z.number() }),
  z.strictObject({ event: z.literal("skip"), title: z.string() }),
  z.strictObject({ event: z.literal("fail"), title: z.string(), message: z.string() }),
  z.strictObject({ event: z.literal("say"), text: z.string() }),
  z.strictObject({ event: z.literal("end"), failures: z.int().nonnegative() }),
]);

export type SuiteEvent = z.infer<typeof eventSchema>;

export function tell(event: SuiteEvent): void {
  const path = process.env[EVENTS_VARIABLE];
  if (path === undefined) throw new Error(`${EVENTS_VARIABLE} names no file`);
  appendFileSync(path, `${JSON.stringify(event)}\n`);
}

/** Something worth reading beside the results: a seed, a figure. */
export function say(text: string): void {
  tell({ event: "say", text });
}

/** Every event so far; a line that is still being written is left for later. */
export function readEvents(path: string): SuiteEvent[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => eventSchema.parse(JSON.parse(line)));
}
