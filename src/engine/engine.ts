import { DESIGN_IDS, type DesignId } from "../designs/designs.ts";
import type { LayerPlan } from "../designs/plan.ts";
import type { Stage } from "../designs/stages.ts";
import type { Model } from "../model/model.ts";
import type { Selection } from "./selection.ts";

/** An attention design run over one architecture. */
export const VARIANTS = DESIGN_IDS;
export type Variant = DesignId;

/** What a report calls a layer: it attends to all tokens, to selected blocks plus a window, or to the window only. */
export type LayerKind = "full" | "sparse" | "window";

/** The parts of a layer that are timed. */
export { ATTEND_PARTS, STAGES, type Stage } from "../designs/stages.ts";

/** Told of every step of a run. All members are optional; an engine does the extra work only for those present. */
export interface RunObserver {
  /** `stage` of `layer` took `ms` more milliseconds (once per prefill chunk). */
  onStage?(layer: number, stage: Stage, ms: number): void;
  /** Block scores of a full layer: S[row, kvHead, block] for query positions start .. start + rows - 1, 0 if unseen. */
  onScores?(layer: number, start: number, rows: number, blocks: number, scores: Float32Array): void;
  /** Output of a layer for positions start ..: [rows, hidden]. The array is only valid during the call. */
  onLayerOutput?(layer: number, start: number, hidden: Float32Array): void;
  /**
   * A layer's queries [rows, Hq, d], own keys (both after RoPE) and values [rows, Hkv, d] each, for positions start .. (a
   * sparse layer's own keys are those of its window). The arrays are only valid during the call.
   */
  onProjected?(layer: number, start: number, q: Float32Array, k: Float32Array, v: Float32Array): void;
  /**
   * Logits [rows, vocabulary] after each of the positions start .., in order, in pieces of any size; prefill only. The
   * array is only valid during the call.
   */
  onLogits?(start: number, logits: Float32Array): void;
  /** `done` of `total` units of work (layers times chunks) are finished. */
  onProgress?(done: number, total: number): void;
}

export interface RunOptions {
  /** Cancels within one layer: the call rejects with the signal's reason and the runner must be reset before reuse. */
  readonly signal?: AbortSignal;
  readonly observer?: RunObserver;
  /**
   * Asked before every layer but the first, with how many layers are done, all chunks counted. The run goes on when what it
   * returns resolves: meanwhile other runners may have their turn. Not asked where these would write over what this one has
   * under way (engines on GPUs).
   */
  readonly beforeLayer?: (done: number) => Promise<void> | undefined;
}

/** One model under one variant, with its KV caches. Not re-entrant: one call at a time. */
export interface Runner {
  readonly variant: Variant;
  /** What each layer does. */
  readonly plan: readonly LayerPlan[];
  /** Tokens in context. */
  readonly length: number;
  /**
   * Runs the prompt into empty caches, allocated for exactly these tokens; a context already held is forgotten. Returns the
   * logits [vocabulary] after the last token.
   * @throws UserError when a token is outside the vocabulary, the prompt is empty or longer than the engine can place
   */
  prefill(tokens: Uint32Array, options?: RunOptions): Promise<Float32Array>;
  /**
   * Makes room for `tokens` in all (outside any timing), so that decode steps never allocate caches. Until then they grow by
   * themselves; from then on they are held to it.
   */
  reserve(tokens: number): Promise<void>;
  /**
   * Appends one token to a context; returns the logits [vocabulary] after it.
   * @throws UserError when the token is outside the vocabulary, or room was reserved and is used up
   */
  decode(token: number, options?: RunOptions): Promise<Float32Array>;
  /**
   * Remembers the context as it is now, for `rewind`; made after `reserve`, outside any timing. A runner has one mark;
   * `reset` and `prefill` forget it.
   */
  mark(): Promise<void>;
  /**
   * Forgets every token since `mark`, as often as wanted: what is decoded then is what would have been decoded there.
   * @throws Error without a mark
   */
  rewind(): Promise<void>;
  /** KV-cache bytes per layer, as allocated now. Layers that own none report 0 for the borrowed part. */
  kvBytes(): number[];
  /** The blocks each oracle chose for every query so far; undefined where no layer of the design scores blocks. */
  selection(): Promise<Selection | undefined>;
  /** Forgets the context and frees its caches. */
  reset(): void;
  /** Frees everything; a call that is under way rejects at the next layer, and frees then. */
  dispose(): Promise<void>;
}

/**
 * Replaces what layers read through the choices of others, to learn whether it matters; for prefill only.
 * - blocks: the sparse layers read the blocks that `choose` names instead of those their oracle selected
 * - silent: the block-sparse branch of every sparse layer gives zeros, as if all its attention went to the sink; for designs whose
 *   layers have another branch beside it
 * - restrict-last: the last layer, which must be full, reads of its own K and V only the blocks that the last oracle that
 *   feeds a sparse layer selected; without a sink, as any full layer
 */
export type SelectionSwap =
  | { readonly kind: "blocks"; readonly choose: ChooseBlocks }
  | { readonly kind: "silent" }
  | { readonly kind: "restrict-last" };

/**
 * Writes the blocks that `query` reads through `kvHead` of oracle `layer` into `out` [k / B], ascending, each of them
 * visible (it starts at or before `query`), and returns how many there are.
 */
export type ChooseBlocks = (layer: number, query: number, kvHead: number, out: Uint32Array) => number;

export interface LoadOptions {
  /** Queries per prefill chunk; the engine chooses when absent. Results do not depend on it. */
  readonly chunk?: number;
  /** @throws Error from `load` under a variant whose layers choose no blocks; from `decode` always */
  readonly swap?: SelectionSwap;
}

/** What the report says about where it ran. */
export interface EngineInfo {
  readonly id: string;
  readonly device: string;
  readonly threads: number;
  /** Type of weights, activations and KV cache. */
  readonly dtype: "float32" | "float64" | "float16";
  readonly kvBytesPerValue: number;
  readonly versions: Readonly<Record<string, string>>;
  /** Which kernels run, where there are several; the CPU engine says why they are not the native ones. */
  readonly kernels?: string;
  /** Engines on a GPU: which, and how it computes. */
  readonly gpu?: GpuInfo;
}

export interface GpuInfo {
  /** Its place in the list of GPUs, from 0. */
  readonly index: number;
  /** What `--gpu` finds this one by: the name, or the index where the name does not tell it from others. */
  readonly address: string;
  /** vulkan, metal, d3d12, cuda. */
  readonly backend: string;
  /** As the driver describes itself. */
  readonly driver: string;
  /** The path taken: what products and sums are computed in. Weights and KV cache hold 16 bits on every path. */
  readonly arithmetic: string;
  /** A GPU that is a program on the CPU. */
  readonly software: boolean;
  readonly subgroupSize: number;
  /** Device memory that was free when the engine started, where the system tells. */
  readonly freeBytes?: number;
  /** Step of the device's clock, as far as it has shown. */
  readonly timerStepNs?: number;
}

/** What an engine with a memory of its own knows about it. */
export interface DeviceMeter {
  readonly bytes: number;
  /** The most bytes held at once since the last `resetPeak`. */
  readonly peakBytes: number;
  resetPeak(): void;
}

/** The machine's measured speed limits, from which each stage's floor follows: the best that was seen, by whatever code. */
export interface Ceilings {
  /** Multiply-adds in GFLOP/s (two each): in registers, or a matrix product where that is faster. */
  readonly matrixGflops: number;
  /** Copy bandwidth in GB/s, bytes read plus bytes written, of more than any cache holds. */
  readonly copyGBps: number;
  /** Read bandwidth in GB/s of so many bytes that are read again and again, ascending; caches hold the small ones. */
  readonly reads: readonly { readonly bytes: number; readonly GBps: number }[];
  /** How they were measured, in words. */
  readonly method: string;
}

export interface Engine {
  readonly info: EngineInfo;
  /** Why the engine cannot run a plan (it lacks a mixer), as the end of a sentence; undefined where it can. */
  canRun(plan: readonly LayerPlan[]): string | undefined;
  /**
   * @throws UserError when the engine declines the design or a width, the model's schedule does not allow the swap, or memory
   *   does not hold the weights
   * @throws RangeError when the chunk is not a positive whole number
   */
  load(model: Model, variant: Variant, options?: LoadOptions): Promise<Runner>;
  /** Queries per prefill chunk when `load` is not told otherwise. */
  defaultChunk(model: Model): number;
  /** Bytes that the first `load` of a model takes for weights beside `estimateBytes`: none once they are held. */
  weightBytes?(model: Model): number;
  /** Bytes that `load` and a run of `tokens` will hold at most, before anything is allocated. */
  estimateBytes(model: Model, variant: Variant, tokens: number): number;
  /** Bytes that a run may take; infinite where nobody tells. */
  availableBytes(): number;
  /** Engines whose model and caches lie in a device's memory; others are measured by their process. */
  readonly meter?: DeviceMeter;
  /** Brings the device to its working clock before something is timed; absent where that means nothing. */
  wake?(): Promise<void>;
  measureCeilings(signal?: AbortSignal): Promise<Ceilings>;
  dispose(): Promise<void>;
}
