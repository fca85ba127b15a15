import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { HELD_OUT } from "../cpu/held-out.ts";

const template = z.object({
  name: z.string(),
  key: z.enum(["kebab", "constant"]),
  value: z.enum(["number", "hex"]),
  trained: z.boolean(),
  needle: z.string(),
  question: z.string(),
});

const specSchema = z.object({
  format: z.literal("hysparse-needle"),
  formatVersion: z.literal(1),
  files: z.array(z.string()).min(1),
  adjectives: z.array(z.string()).min(1),
  nouns: z.array(z.string()).min(1),
  templates: z.array(template).min(1),
  examples: z.array(
    z.object({
      template: z.string(),
      key: z.string(),
      value: z.string(),
      lines: z.array(z.string()),
      needleBeforeLine: z.int(),
      prompt: z.string(),
      answer: z.string(),
    }),
  ),
});

export type NeedleSpec = z.infer<typeof specSchema>;
export type NeedleTemplate = z.infer<typeof template>;

/** The needle test's rules, media/heldout/needle.json. */
export function readNeedleSpec(): NeedleSpec {
  return specSchema.parse(JSON.parse(readFileSync(join(HELD_OUT, "needle.json"), "utf8")));
}

/** The held-out text, line by line. */
export function heldOutLines(spec: NeedleSpec): string[] {
  return spec.files
    .map((name) => readFileSync(join(HELD_OUT, name), "utf8"))
    .join("\n")
    .split("\n");
}
