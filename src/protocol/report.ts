import { z } from "zod";
import { DESIGN_IDS, FIDELITY_DESIGNS } from "../designs/designs.ts";
import { MIXER_IDS } from "../designs/mixers.ts";
import { STAGES } from "../designs/stages.ts";
import { architectureSchema } from "../model/architecture.ts";
import { oracleMapSchema } from "./oracle-map.ts";
import { partialSchema } from "./partial.ts";
import { chosenSchema } from "./settings.ts";

/**
 * The report: one versioned JSON document, the only thing that exporters, pages and the editor read. Times are
 * milliseconds, sizes bytes, rates GFLOP/s and GB/s, text positions UTF-16 code units, lines 1-based.
 * `schemaVersion` changes whenever a reader of the old form would be misled.
 */
export const SCHEMA_VERSION = 1;

/** What replaces the learned selection; see `swaps` below. */
export const SWAP_NAMES = ["learned", "all", "recent", "random", "none", "restrict-last"] as const;
export type SwapName = (typeof SWAP_NAMES)[number];

/** What is reported as it was chosen; counts have no upper bound here, so that reports of any version are read. */
const chosen = chosenSchema.shape;

const ms = z.number().nonnegative();
const bytes = z.int().nonnegative();
const index = z.int().nonnegative();
const range = z.tuple([index, index]);

const samples = z.strictObject({
  medianMs: ms,
  minMs: ms,
  maxMs: ms,
  samples: z.array(ms).describe("one per round, in order"),
});

const stage = samples.extend({
  flops: z.number().nonnegative().describe("floating-point operations the stage must do"),
  bytes: z.number().nonnegative().describe("bytes the stage must move: inputs once, outputs once"),
  floorMs: ms.describe(
    "the larger of flops / matrix rate and bytes / the best bandwidth seen for so many bytes (the copy's where the ceilings " +
      "have no reads); for attend at most the sum of its parts",
  ),
});

const phase = samples.extend({
  stages: z.partialRecord(z.enum(STAGES), stage).describe("score, select, sparse and window are parts of attend"),
});

const layer = z.strictObject({
  index,
  kind: z.enum(MIXER_IDS),
  kvBytes: bytes.describe("as allocated at the end of prefill"),
  kvBytesPredicted: bytes.describe("by the formula, for the same tokens"),
  kvBorrowedFrom: index.optional().describe("the full layer whose K, V this sparse layer reads"),
  chosenBy: index.optional().describe("the full layer by whose selection this layer reads its own K, V"),
  prefill: phase,
  decode: phase.optional().describe("per output token; absent when no token was decoded"),
});

const totals = z.strictObject({
  prefillMs: ms.describe("median over repetitions, all layers, embedding and head: the time to first token"),
  prefillMinMs: ms,
  prefillMaxMs: ms,
  prefillSamples: z.array(ms).describe("one per round, in order"),
  timePerOutputTokenMs: ms.optional(),
  timePerOutputTokenMinMs: ms.optional(),
  timePerOutputTokenMaxMs: ms.optional(),
  timePerOutputTokenSamples: z.array(ms).optional().describe("mean of a batch of steps, one per round, in order"),
  kvBytes: bytes,
  kvBytesPredicted: bytes,
  peakBytes: bytes
    .optional()
    .describe(
      "the most memory of one run: device memory held on a GPU, else resident memory of a process that ran this once; absent in " +
        "partial reports that end before it is measured",
    ),
});

const variant = z.strictObject({
  layers: z.array(layer),
  totals,
  parameters: z
    .record(z.string(), z.union([z.int(), z.string()]))
    .optional()
    .describe("of the design, as chosen or by default; absent where it has none, and in reports up to 0.6.0"),
  note: z.string().optional().describe("what a reader must know, e.g. that outputs mean nothing under these weights"),
});

const selectedHead = z.strictObject({
  blocks: z.array(index).describe("ascending"),
  scores: z.array(z.number().nonnegative()).describe("block-max softmax probability S (eq. 3), the group's maximum"),
});

const oracle = z.strictObject({
  layer: index,
  feeds: z.array(index).describe("the sparse layers that reuse this selection"),
  queries: z.array(z.strictObject({ token: index, heads: z.array(selectedHead) })),
  timesSelected: z
    .array(index)
    .optional()
    .describe("per block: how many pairs of query and KV head selected it, over the whole document"),
});

const ratio = z.strictObject({
  phase: z.enum(["prefill", "decode"]),
  subject: z.enum(DESIGN_IDS),
  other: z.enum(DESIGN_IDS),
  ratio: z.number().positive().describe("time of `subject` over time of `other`, from the samples of the same rounds"),
  low: z.number().positive().describe("interval of `ratio`: a difference is claimed only where it excludes 1"),
  high: z.number().positive(),
  rounds: z.int().positive(),
});

const sweepVariant = z.strictObject({
  prefillMs: ms,
  prefillSamples: z.array(ms),
  timePerOutputTokenMs: ms.optional(),
  timePerOutputTokenSamples: z.array(ms).optional(),
  kvBytes: bytes,
});

const sweep = z.strictObject({
  method: z.string().describe("in words: how contexts were made and how often each was run"),
  points: z.array(
    z.strictObject({
      tokens: z.int().positive(),
      repeated: z.boolean().describe("longer than the document: its tokens were repeated to fill the context"),
      variants: z.partialRecord(z.enum(DESIGN_IDS), sweepVariant),
      skipped: z.string().optional().describe("why this length was not run; then `variants` is empty"),
      ratios: z.array(ratio).optional().describe("as in `ratios` of the report"),
    }),
  ),
});

const share = z.number().min(0).max(1);

const fidelityLayer = z.strictObject({
  layer: index,
  oracle: index.describe("the full layer whose blocks it inherits"),
  distance: z.int().positive().describe("layers from that oracle"),
  mass: z
    .strictObject({
      inherited: share.describe("inside the inherited blocks"),
      inheritedLow: share.describe("the same, 10th percentile over queries and heads"),
      inheritedOrWindow: share.describe("inside them or the sliding window"),
      own: share.describe(
        "inside as many blocks of its own choice: the most that this budget can hold, by block score",
      ),
      ownOrWindow: share,
      recent: share.describe("inside as many of the newest blocks"),
      random: share.describe("inside as many random visible blocks: the expected value"),
      window: share,
    })
    .describe("share of the layer's own softmax over all it could see (without sinks); mean over queries and heads"),
  blocks: z
    .strictObject({
      inherited: share.describe("of the layer's own top blocks, the share that was inherited"),
      inheritedOrWindow: share.describe("or that lies wholly inside the sliding window"),
      random: share.describe("expected of random visible blocks"),
    })
    .describe("mean over queries and KV heads"),
});

const fidelityVariant = z.strictObject({ layers: z.array(fidelityLayer) });

const swapResult = z.strictObject({
  name: z.enum(SWAP_NAMES),
  bitsPerByte: z.number().nonnegative(),
  samples: z.array(z.number().nonnegative()).describe("bits per byte of each draw; one where nothing is drawn"),
  added: z.number().describe("bits per byte more than with the learned selection, on the same tokens"),
  addedLow: z.number().describe("95 % interval of `added`, from segments of the document"),
  addedHigh: z.number(),
});

const swapPlace = z.strictObject({
  block: index,
  start: index,
  end: index,
  startLine: z.int().positive(),
  endLine: z.int().positive(),
  addedBits: z.number().describe("bits that this block's text costs more than with the learned selection"),
  text: z.string().optional().describe("only when the document's text was asked for"),
});

const importanceRange = z.strictObject({
  start: index,
  end: index,
  weight: z.number().min(0).max(1).describe("contrast, scaled so that the highest is 1"),
  score: z.number().nonnegative().describe("mean block score S over full layers, KV heads and the queries"),
  average: z.number().nonnegative().describe("what a block is expected to score whatever it says: see `contrast`"),
  selectedBy: index.describe("feeding oracles' KV heads that select this block for the last query"),
});

const passage = z.strictObject({
  block: index,
  start: index,
  end: index,
  startLine: z.int().positive(),
  endLine: z.int().positive(),
  weight: z.number().min(0).max(1),
  score: z.number().nonnegative(),
  average: z.number().nonnegative(),
  selectedBy: index,
  text: z.string().optional().describe("only when the document's text was asked for"),
});

export const reportSchema = z.strictObject({
  schemaVersion: z.literal(SCHEMA_VERSION),
  tool: z.strictObject({ name: z.string(), version: z.string() }),
  createdAt: z.iso.datetime(),
  partial: partialSchema.optional(),
  document: z.strictObject({
    name: z.string(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe("of the whole document's UTF-8 bytes"),
    normalizedSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe("the same with every line end as \\n; where the document has others"),
    lineEnds: z
      .array(z.tuple([z.enum(["\n", "\r\n", "\r"]), z.int().positive()]))
      .optional()
      .describe("its line ends in order, as runs of equal ones; with normalizedSha256"),
    bytes,
    characters: index,
    lines: index,
    tokens: index.describe("tokens that were profiled"),
    totalTokens: index.describe("tokens of the whole document"),
    truncated: z.boolean(),
    truncation: z.string().optional().describe("why and where the document was cut"),
    blockRanges: z.array(range).describe("characters of each KV block, [start, end)"),
    text: z.string().optional().describe("only when asked for"),
  }),
  environment: z.strictObject({
    engine: z.string(),
    engineReason: z.string(),
    device: z.string(),
    dtype: z.string(),
    threads: z.int().positive(),
    os: z.string(),
    arch: z.string(),
    memoryBytes: bytes.describe("the machine's, or what a container allows of it"),
    container: z
      .strictObject({
        cpus: z.number().positive().optional().describe("CPU quota: time per time, so 0.5 is half of one core"),
        memoryBytes: bytes.optional(),
      })
      .optional()
      .describe("limits of the control groups that the run was in; they are in threads and memoryBytes"),
    versions: z.record(z.string(), z.string()),
    kernels: z
      .string()
      .optional()
      .describe("the CPU engine: which build of the attention kernels ran, and why it was not the native one"),
    gpu: z
      .strictObject({
        index: index.optional().describe("its place in the list of GPUs, from 0"),
        address: z.string().optional().describe("what --gpu finds this one by: name, or index where names do not tell"),
        backend: z.string().describe("vulkan, metal or d3d12"),
        driver: z.string(),
        arithmetic: z.string().describe("the path taken: types of products and sums"),
        software: z.boolean().describe("the GPU is a program on the CPU: its times say nothing about GPUs"),
        subgroupSize: index,
        freeBytes: bytes.optional().describe("device memory that was free at the start, where the system tells"),
        timerStepNs: z.number().positive().optional().describe("step of the device's clock"),
      })
      .optional()
      .describe("engines on a GPU; stage times come from its clock"),
    ceilings: z.strictObject({
      matrixGflops: z.number().positive(),
      copyGBps: z.number().positive(),
      reads: z
        .array(z.strictObject({ bytes: z.int().positive(), GBps: z.number().positive() }))
        .min(1)
        .optional()
        .describe(
          "bandwidth of reading so many bytes again and again, ascending; where present, floors are limits. Absent in reports up to " +
            "0.5.0, whose ceilings were the rates of our own product and copy, which a stage could beat",
        ),
      method: z.string(),
    }),
  }),
  model: z.strictObject({
    name: z.string(),
    weights: z.enum(["trained", "synthetic"]),
    parameters: index,
    sha256: z.string().optional(),
    architecture: architectureSchema,
    schedule: z.array(z.enum(["full", "sparse"])),
    notes: z.array(z.string()),
  }),
  settings: z.strictObject({
    model: z.string().optional().describe("the model as it was asked for: a known name, or a checkpoint folder"),
    threads: z.int().positive().optional().describe("of the CPU engine, where a number was asked for"),
    variants: chosen.variants,
    repetitions: z.int().positive().describe("timed rounds of prefill"),
    rounds: z.literal("auto").optional().describe("as many rounds as it took; absent where a number was asked for"),
    warmup: z.int().nonnegative(),
    decodeTokens: index,
    chunk: z.int().positive(),
    maxTokens: z.int().positive().optional(),
    importance: chosen.importance,
    fidelity: chosen.fidelity,
    swaps: chosen.swaps,
    oracleMap: chosen.oracleMap,
    sweep: z.array(z.int().positive()).optional().describe("context lengths that were asked for"),
  }),
  variants: z.partialRecord(z.enum(DESIGN_IDS), variant),
  ratios: z
    .strictObject({
      method: z.string().describe("in words: how ratio and interval follow from the rounds"),
      confidence: z.number().min(0).max(1),
      pairs: z.array(ratio),
    })
    .optional()
    .describe(
      "the subject of the finding against each other variant; absent in reports up to 0.4.0 and after one round",
    ),
  selection: z
    .strictObject({ block: z.int().positive(), slots: z.int().positive(), oracles: z.array(oracle) })
    .optional()
    .describe("absent when no variant chose blocks"),
  importance: z
    .strictObject({
      queries: chosen.importance,
      contrast: z.string().describe("how weight follows from score and average, in words"),
      ranges: z.array(importanceRange),
      layers: z.array(z.strictObject({ layer: index, scores: z.array(z.number().nonnegative()) })),
      passages: z.array(passage).describe("most wanted first"),
    })
    .optional()
    .describe(
      "absent when no variant chose blocks, and always absent on synthetic weights, where it would mean nothing",
    ),
  fidelity: z
    .strictObject({
      method: z.string().describe("in words: which queries, how exact"),
      queries: z
        .int()
        .positive()
        .describe("sampled query positions, all of which could see more blocks than are selected"),
      positions: z.array(index).optional().describe("those positions, ascending; absent in reports up to 0.5.0"),
      variants: z
        .partialRecord(z.enum(FIDELITY_DESIGNS), fidelityVariant)
        .describe("those that were run: layers that inherit, or the schedule laid over dense layers"),
    })
    .optional()
    .describe("how much of what a layer looks at lies in the blocks it inherits from the oracle before it"),
  swaps: z
    .strictObject({
      method: z.string(),
      tokens: z.int().positive().describe("predicted tokens"),
      bytes: z.int().positive().describe("UTF-8 bytes of those tokens"),
      results: z.array(swapResult).describe("`learned` first"),
      places: z.array(swapPlace).describe("where choosing at random costs most, most first"),
    })
    .optional()
    .describe("the same document with the selection replaced: what it costs to choose badly here"),
  oracleMap: oracleMapSchema
    .optional()
    .describe("how much of each layer's own attention lies where each layer before it chose, under full attention"),
  sweep: sweep.optional().describe("the same variants at other context lengths, ascending"),
  warnings: z.array(z.string()),
});

export type Report = z.infer<typeof reportSchema>;
export type VariantReport = z.infer<typeof variant>;
export type LayerReport = z.infer<typeof layer>;
export type PhaseReport = z.infer<typeof phase>;
export type StageReport = z.infer<typeof stage>;
export type Samples = z.infer<typeof samples>;
export type RatioReport = z.infer<typeof ratio>;
export type ImportanceRange = z.infer<typeof importanceRange>;
export type Passage = z.infer<typeof passage>;
export type Fidelity = NonNullable<Report["fidelity"]>;
export type FidelityLayer = z.infer<typeof fidelityLayer>;
export type Swaps = NonNullable<Report["swaps"]>;
export type SwapResult = z.infer<typeof swapResult>;
export type Sweep = z.infer<typeof sweep>;
export type SweepPoint = Sweep["points"][number];
