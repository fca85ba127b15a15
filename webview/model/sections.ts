import { messageOf } from "../../src/model/errors.ts";
import { message } from "../../src/model/printable.ts";

/** The page's sections: their headings, and their short names in the list of sections; those without one are not listed. */
export const SECTIONS = {
  welcome: { title: "HySparse Profiler" },
  headline: { title: "Finding" },
  latency: { title: "Time by stage and layer", short: "Time" },
  memory: { title: "KV memory", short: "Memory" },
  selection: { title: "Which blocks the model selected", short: "Blocks" },
  text: { title: "What the model looked at", short: "Text" },
  checks: { title: "Does the selection matter?", short: "Worth" },
  oracleMap: { title: "Do layers look at the same tokens?", short: "Layers" },
  lengths: { title: "Other context lengths", short: "Lengths" },
  comparison: { title: "Comparison", short: "Comparison" },
  about: { title: "What was measured", short: "About" },
} as const satisfies Readonly<Record<string, { readonly title: string; readonly short?: string }>>;

export type SectionId = keyof typeof SECTIONS;

/** What stands in a section's place when it cannot be drawn. */
export function undrawn(error: unknown): string {
  return `Cannot show this section: ${message(messageOf(error))}`;
}
