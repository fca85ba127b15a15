import { planOf } from "../../src/designs/designs.ts";
import { withParameters } from "../../src/designs/laid.ts";
import { VARIANTS, type Engine, type Variant } from "../../src/engine/engine.ts";
import { selectedBlocks, type Architecture } from "../../src/model/architecture.ts";
import { tinyArchitecture, type TinyModelOptions } from "./tiny-model.ts";

/** An architecture to check an engine on, and how its weights are made. */
export interface Subject {
  readonly name: string;
  readonly architecture: Architecture;
  /** Designs that know neither windows, sinks nor schedules of a model are run only on subjects that say so. */
  readonly also?: readonly Variant[];
  readonly options?: TinyModelOptions;
}

/** Those of every subject, and its own. NSA is held against its definition in nsa.test.ts, which knows its ties. */
export function designsOf({ also = [] }: Subject): Variant[] {
  const bySubject: readonly Variant[] = ["moba", "index-reuse", "nsa"];
  return VARIANTS.filter((id) => !bySubject.includes(id) || also.includes(id));
}

/** The longest context of the suite: a few of the largest blocks, and off every block's edge. */
export const LONG = 203;

/** Long enough for what chunking and decode can get wrong: two of the largest blocks and a bit. */
const MIDDLE = 131;

/** Between them: every G, block, window and schedule on each side of its edges, both gates, sinks, ties, odd widths. */
export const SUBJECTS: readonly Subject[] = [
  { name: "G = 2, window between one and two blocks", architecture: tinyArchitecture(), also: ["moba", "index-reuse"] },
  {
    name: "G = 1, one selected block of 4, window smaller than it, element gates, no sinks, own head",
    architecture: tinyArchitecture({
      ...{ layers: 5, queryHeads: 2, kvHeads: 2, headDim: 8, sparsePerFull: 1, block: 4, selectedTokens: 4 },
      ...{ window: 3, gate: "element", sinks: false, tieEmbeddings: false },
    }),
  },
  {
    name: "G = 3, window of exactly one block, element gates",
    architecture: tinyArchitecture({
      ...{ layers: 5, hidden: 40, queryHeads: 6, headDim: 12, sparsePerFull: 3, block: 16, selectedTokens: 32 },
      ...{ window: 16, gate: "element" },
    }),
  },
  {
    name: "G = 4, blocks and window of 64",
    architecture: tinyArchitecture({
      ...{ layers: 5, kvHeads: 1, headDim: 32, sparsePerFull: 3, block: 64, selectedTokens: 128, window: 64 },
      ...{ ropeBase: 640_000 },
    }),
  },
  {
    name: "d = 64, one block of 64, window of two blocks, no sinks",
    also: ["moba"],
    architecture: tinyArchitecture({
      ...{ layers: 3, queryHeads: 2, kvHeads: 1, headDim: 64, sparsePerFull: 1, block: 64, selectedTokens: 64 },
      ...{ window: 128, sinks: false },
    }),
  },
  {
    name: "more selected tokens than context, own head",
    architecture: tinyArchitecture({
      sparsePerFull: 1,
      block: 16,
      selectedTokens: 512,
      window: 8,
      tieEmbeddings: false,
    }),
  },
  { name: "window longer than the context", architecture: tinyArchitecture({ layers: 3, window: 1000 }) },
  {
    name: "window of one token",
    architecture: tinyArchitecture({ layers: 3, block: 4, selectedTokens: 8, window: 1 }),
  },
  { name: "N = 0: every layer full", architecture: tinyArchitecture({ layers: 2, sparsePerFull: 0 }) },
  { name: "one layer", architecture: tinyArchitecture({ layers: 1, sparsePerFull: 3 }) },
  {
    name: "layers that share weights objects, a last layer that is sparse",
    architecture: tinyArchitecture({ layers: 5, hidden: 24, intermediate: 20, lastFull: false }),
    options: { shared: true },
  },
  {
    // Logits of deviation 20: some 5 % of all probabilities lie between 2^-149 and 2^-126, where float32 is subnormal.
    name: "softmax at its ends",
    architecture: tinyArchitecture({ layers: 2, sparsePerFull: 1, lastFull: false }),
    options: { loudness: 10 },
  },
];

/**
 * Designs whose parameters are no model's get some that small contexts feel: MoBA the model's blocks, and one more than it selects;
 * index reuse as many of at most 32 tokens, and a window that touches no more than three of them; NSA its blocks and window.
 */
export function withSmallBlocks(architecture: Architecture): Architecture {
  const slots = selectedBlocks(architecture);
  const block = Math.min(architecture.block, 32);
  const reuse = { anchors: "0+2", block, k: slots * block, window: Math.min(architecture.window, block + 4) };
  const moba = { block: architecture.block, topk: slots + 1 };
  const nsa = {
    compress: architecture.block / 2,
    stride: architecture.block / 4,
    block: architecture.block,
    blocks: 4,
    window: architecture.window,
  };
  return withParameters(withParameters(withParameters(architecture, "moba", moba), "index-reuse", reuse), "nsa", nsa);
}

/** What prompts, chunks and decode steps may cut under a design; absent where the design has no such thing. */
interface Edges {
  readonly block?: number;
  readonly window?: number;
}

/** Full attention has no window, a window alone no blocks, and `streaming` keeps four tokens more; a design not named here has all. */
export function edgesOf(variant: Variant, { block, window }: Architecture): Edges {
  if (variant === "full" || variant === "moba") return { block };
  if (variant === "hybrid-swa") return { window };
  if (variant === "streaming") return { window: 4 + window };
  return { block, window };
}

/** The designs that an engine does not decline. */
export function runnable(engine: Pick<Engine, "canRun">, architecture: Architecture): Variant[] {
  return VARIANTS.filter((variant) => engine.canRun(planOf(architecture, variant)) === undefined);
}

/** The prompt lengths at which an architecture's blocks and windows begin, fill and overflow. */
export function edgeLengths({ block, window }: Edges): number[] {
  const ofBlocks = block === undefined ? [] : [block - 1, block, block + 1];
  const ofWindow = window === undefined ? [] : [window, window + 1, 2 * window + 1];
  const lengths = new Set([1, ...ofBlocks, ...ofWindow, LONG]);
  return [...lengths].filter((length) => length >= 1 && length <= 300).sort((a, b) => a - b);
}

/** Chunk sizes that cut blocks and windows, with a prompt long enough for several chunks and short enough to be quick. */
export function chunkings({ block, window }: Edges): { chunk: number; tokens: number }[] {
  const ofBlocks = block === undefined ? [] : [block - 1, block];
  // Without blocks nothing else is smaller than the window and slides.
  const ofWindow = window === undefined ? [] : block === undefined ? [window - 1, window + 1] : [window + 1];
  const chunks = [...new Set([1, ...ofBlocks, ...ofWindow])].filter((chunk) => chunk >= 1 && chunk < MIDDLE);
  return chunks.map((chunk) => ({ chunk, tokens: Math.min(MIDDLE, 12 * chunk + Math.ceil(chunk / 2)) }));
}

/** Prompts followed by decode steps that cross a block's edge and the point where the window begins to slide. */
export function decodings({ block, window }: Edges): { prompt: number; tokens: number; reserve: boolean }[] {
  const ofBlocks = block === undefined ? [] : [{ prompt: block - 1, tokens: block + 2, reserve: false }];
  const ofWindow =
    window === undefined
      ? []
      : [
          { prompt: window - 1, tokens: window + 3, reserve: false },
          { prompt: 2 * window + 1, tokens: 2 * window + 5, reserve: true },
        ];
  return [
    { prompt: 1, tokens: Math.min(block ?? 16, 16) + 3, reserve: true },
    ...ofBlocks,
    ...ofWindow,
    { prompt: MIDDLE - 4, tokens: MIDDLE, reserve: true },
  ].filter(({ prompt, tokens }) => prompt >= 1 && tokens <= 300);
}
