import type { Fill } from "./look.ts";

/** A part of a layer that is timed. */
export interface StageRow {
  readonly id: string;
  /** As a reader meets it. */
  readonly name: string;
  readonly meaning: string;
  readonly fill: Fill;
  /** The stage whose time holds this one's, so that they never stand beside each other in a sum. */
  readonly within?: "attend";
}

/**
 * Every stage of every design, in the order of a layer. `attend` is everything between projection and output; the CPU engine
 * applies the gates of `output` as it writes the branches.
 */
export const STAGE_ROWS = [
  {
    id: "project",
    name: "project",
    meaning: "norm, q/k/v and gates, RoPE, KV-cache write",
    fill: { hue: "grey", pattern: "rising" },
  },
  {
    id: "attend",
    name: "attend",
    meaning: "attention that is not split further",
    fill: { hue: "blue", pattern: "solid" },
  },
  {
    id: "score",
    name: "attend + score",
    meaning: "full attention that also scores every block (oracle layers)",
    fill: { hue: "blue", pattern: "grid" },
    within: "attend",
  },
  {
    id: "compress",
    name: "compressed branch",
    meaning: "making compressed keys and values, attention over them, and what it says of each block",
    fill: { hue: "cyan", pattern: "crosses" },
    within: "attend",
  },
  {
    id: "select",
    name: "select",
    meaning: "selecting the blocks and planning which layer reads them",
    fill: { hue: "red", pattern: "crosses" },
    within: "attend",
  },
  {
    id: "sparse",
    name: "sparse branch",
    meaning: "attention over the selected blocks",
    fill: { hue: "green", pattern: "dots" },
    within: "attend",
  },
  {
    id: "window",
    name: "window branch",
    meaning: "attention over the last tokens",
    fill: { hue: "yellow", pattern: "level" },
    within: "attend",
  },
  {
    id: "output",
    name: "output",
    meaning: "gates, output projection, residual",
    fill: { hue: "purple", pattern: "upright" },
  },
  {
    id: "mlp",
    name: "MLP",
    meaning: "norm, SwiGLU, residual",
    fill: { hue: "cyan", pattern: "falling" },
  },
] as const satisfies readonly StageRow[];

export type Stage = (typeof STAGE_ROWS)[number]["id"];

export const STAGES: readonly Stage[] = STAGE_ROWS.map(({ id }) => id);

/** Stages nested in `attend`: their times are part of it, never beside it. */
export const ATTEND_PARTS: readonly Stage[] = STAGE_ROWS.flatMap((row) => ("within" in row ? [row.id] : []));

/** Something of every stage, by its id. */
export function byStage<T>(of: (stage: StageRow) => T): Readonly<Record<Stage, T>> {
  return Object.fromEntries(STAGE_ROWS.map((row) => [row.id, of(row)])) as Record<Stage, T>;
}
