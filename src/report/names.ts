import type { Stage, Variant } from "../engine/engine.ts";
import type { LayerReport } from "../profile/report.ts";

/** What the reports call things, in one place, so that page, table and sentence use the same words. */
export const VARIANT_NAMES: Readonly<Record<Variant, string>> = {
  hysparse: "HySparse",
  full: "Full attention",
  "hybrid-swa": "Hybrid SWA",
};

/** The same above a narrow column. */
export const VARIANT_SHORT: Readonly<Record<Variant, string>> = {
  hysparse: "HySparse",
  full: "Full",
  "hybrid-swa": "Hybrid SWA",
};

/** The same inside a sentence. */
export const VARIANT_WORDS: Readonly<Record<Variant, string>> = {
  hysparse: "HySparse",
  full: "full attention",
  "hybrid-swa": "hybrid sliding-window attention",
};

/** One line on what a variant is. */
export const VARIANT_MEANINGS: Readonly<Record<Variant, string>> = {
  hysparse: "full layers choose blocks; the sparse layers after them read only those blocks and a window",
  full: "every layer reads every earlier token",
  "hybrid-swa": "the same schedule, but the layers between full ones read only a window",
};

/** A stage as a reader meets it; `attend` is what is left of attention beside its named parts. */
export const STAGE_NAMES: Readonly<Record<Stage, string>> = {
  project: "project",
  attend: "attend",
  score: "attend + score",
  select: "select",
  sparse: "sparse branch",
  window: "window branch",
  output: "output",
  mlp: "MLP",
};

export const STAGE_MEANINGS: Readonly<Record<Stage, string>> = {
  project: "norm, q/k/v and gates, RoPE, KV-cache write",
  attend: "attention that is not split further",
  score: "full attention that also scores every block (oracle layers)",
  select: "choosing the blocks and planning who reads them",
  sparse: "attention over the chosen blocks",
  window: "attention over the last tokens",
  output: "gates, output projection, residual",
  mlp: "norm, SwiGLU, residual",
};

export const PHASE_NAMES = { prefill: "Prefill", decode: "Decode" } as const;
export type PhaseName = keyof typeof PHASE_NAMES;

/** "for the last token": importance is never shown without saying for which queries. */
export const QUERY_WORDS = { "last-token": "the last token", document: "the whole document" } as const;

/** The kind of a layer with the layer it borrows from, where it owns no keys of its own: "sparse (reads 4)". */
export function kindText(layer: LayerReport): string {
  return layer.kvBorrowedFrom === undefined ? layer.kind : `${layer.kind} (reads ${layer.kvBorrowedFrom})`;
}

/** The name of a document that came through a pipe. */
export const STDIN_NAME = "standard input";
