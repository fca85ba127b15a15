import { byDesign } from "../designs/designs.ts";
import { byStage } from "../designs/stages.ts";
import type { LayerReport } from "../protocol/report.ts";

/** What the reports call things, in one place, so that page, table and sentence use the same words. */
export const VARIANT_NAMES = byDesign(({ title }) => title);

/** The same above a narrow column. */
export const VARIANT_SHORT = byDesign(({ short }) => short);

/** The same inside a sentence. */
export const VARIANT_WORDS = byDesign(({ words }) => words);

/** One line on what a variant is. */
export const VARIANT_MEANINGS = byDesign(({ meaning }) => meaning);

/** A stage as a reader meets it; `attend` is what is left of attention beside its named parts. */
export const STAGE_NAMES = byStage(({ name }) => name);

export const STAGE_MEANINGS = byStage(({ meaning }) => meaning);

export const PHASE_NAMES = { prefill: "Prefill", decode: "Decode" } as const;
export type PhaseName = keyof typeof PHASE_NAMES;

/** "for the last token": importance is never shown without saying for which queries. */
export const QUERY_WORDS = { "last-token": "last token", document: "whole document" } as const;

/** The kind of a layer with the layer that it depends on: "sparse (reads 4)", "reuse (chosen by 4)". */
export function kindText({ kind, kvBorrowedFrom, chosenBy }: LayerReport): string {
  if (kvBorrowedFrom !== undefined) return `${kind} (reads ${kvBorrowedFrom})`;
  return chosenBy === undefined ? kind : `${kind} (chosen by ${chosenBy})`;
}

/** The name of a document that came through a pipe. */
export const STDIN_NAME = "standard input";
