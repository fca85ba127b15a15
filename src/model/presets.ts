import type { Architecture } from "./architecture.ts";

/** An architecture from the literature and what its reader must know, in plain sentences. */
export interface Preset {
  readonly architecture: Architecture;
  readonly notes: readonly string[];
}

/** What the paper says about both models, and what both need beyond it. */
const COMMON = {
  headDim: 128,
  block: 64,
  selectedTokens: 1024,
  window: 128,
  sinks: true,
  ropeBase: 640_000,
  gate: "head",
  vocabulary: 32_768,
  maxContext: 1_048_576,
  normEps: 1e-6,
  tieEmbeddings: false,
} as const satisfies Partial<Architecture>;

const COMMON_NOTES = [
  "From the HySparse paper (arXiv 2602.03560): layers and their schedule, heads, head dimension, hidden width, block " +
    "size, selected tokens, window, sinks and RoPE base.",
  "Ours, because the paper is silent: a vocabulary of 32768, an untied head (held as one array with the embedding), " +
    "gates per query head, RMSNorm epsilon 1e-6, a context limit of 1048576.",
];

/** The models of Table 1 of the HySparse paper, by the name that users give. */
export const PRESETS = {
  "paper-7b": {
    architecture: {
      ...COMMON,
      layers: 36,
      hidden: 4096,
      intermediate: 11_008,
      queryHeads: 32,
      kvHeads: 8,
      sparsePerFull: 3,
    },
    notes: [...COMMON_NOTES, "Ours too: an MLP width of 11008, the width Llama 7B has at this hidden width."],
  },
  "paper-80b-a3b": {
    architecture: {
      ...COMMON,
      layers: 49,
      hidden: 2048,
      intermediate: 4096,
      queryHeads: 64,
      kvHeads: 4,
      sparsePerFull: 11,
    },
    notes: [
      ...COMMON_NOTES,
      "The mixture of experts stands as one MLP of its activated width, 4096: 8 experts of 512. The expert width is " +
        "ours; with it 512 experts make 81B parameters of which 3.1B are active. Routing is not run and the weights of " +
        "idle experts are not held, so MLP time and memory are those of the active experts alone.",
    ],
  },
} as const satisfies Record<string, Preset>;

export type PresetId = keyof typeof PRESETS;

export function isPresetId(id: string): id is PresetId {
  return Object.hasOwn(PRESETS, id);
}
