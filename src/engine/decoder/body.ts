import type { RunOptions } from "../engine.ts";
import type { OracleSelection } from "../selection.ts";

/** Consecutive positions that pass through the layers together. */
export interface Chunk {
  readonly start: number;
  readonly rows: number;
}

/** Keys and values of one layer. */
export interface LayerCache {
  /** As allocated now. */
  readonly bytes: number;
  /** Makes room for `tokens` in context, keeping what it holds of the first `held`. Never shrinks. */
  reserve(tokens: number, held: number): void | Promise<void>;
  /** Keeps what later positions will overwrite. */
  mark(): void | Promise<void>;
  /** Puts back what `mark` kept. */
  rewind(): void;
  /** Frees everything. */
  clear(): void;
}

/** What the oracles chose, wherever the engine keeps it. */
export interface SelectionStore {
  /** Makes room for the choices of `tokens` queries, keeping those of the first `held`. */
  reserve(tokens: number, held: number): void | Promise<void>;
  /** Forgets the choices of all queries but the first `length`. */
  rewind(length: number): void;
  /** The choices of the first `length` queries, of every oracle that feeds another layer, in layer order. */
  read(length: number): Promise<readonly OracleSelection[]>;
  clear(): void;
}

/** Whether a call decodes: it goes on after what is held, where a prefill begins anew. */
export function decodes({ start }: Run): boolean {
  return start > 0;
}

/** One call of `prefill` or `decode`. */
export interface Run extends Chunk {
  readonly options: RunOptions;
  /** `layers` more layers of a chunk are finished. */
  advance(layers: number): void;
  /** @throws the reason of a cancel, or an Error where the runner was disposed meanwhile */
  check(): void;
}

/**
 * What an engine computes of a decoder, layer by layer: project, mix, output, MLP. It holds the hidden states of the chunk
 * that passes through. Everything else of a runner is DecoderRunner's.
 */
export interface DecoderBody {
  readonly caches: readonly LayerCache[];
  readonly selections: SelectionStore;
  /** The longest context; Infinity where nothing limits it. */
  readonly mostTokens: number;
  /** Whether what passes from layer to layer is the runner's own, so that others may run between two of them. */
  readonly apart?: true;
  /** Caches and selections were made anew, for contexts of `tokens`; 0 after they were freed. */
  roomChanged?(tokens: number): void;
  /** Before anything of a run, its room included. */
  begin?(run: Run): void | Promise<void>;
  /** Lets events in: for engines whose work holds the thread. Called before each layer and each piece of logits. */
  pause?(): Promise<void>;
  /** Begins a chunk. */
  embed(tokens: Uint32Array, chunk: Chunk, run: Run): void | Promise<void>;
  /** Takes the chunk through a layer, tells the observer of it, and calls `run.advance` once that is finished. */
  layer(index: number, chunk: Chunk, run: Run): void | Promise<void>;
  /**
   * Logits after rows from .. from + count - 1 of the chunk, once it passed through the last layer: [count, vocabulary],
   * valid until the next call.
   */
  logitsOf(from: number, count: number): Float32Array | Promise<Float32Array>;
  /** Logits [vocabulary] after the last row of the last chunk, for good. */
  lastLogits(): Float32Array | Promise<Float32Array>;
  /** All that was asked of the run is done and told. */
  finish?(): Promise<void>;
  /** Cleans up after a run that ended with `error`; returns what to throw in its place. */
  failed?(error: unknown): Promise<unknown>;
  /** Gives back what caches and selections do not hold. Called once. */
  free(): void;
}
