import type { DesignId } from "../../designs/designs.ts";
import type { Architecture } from "../architecture.ts";
import type { WeightsOrigin } from "../model.ts";
import type { LazyTensor } from "../tensor.ts";
import type { Tokenizer } from "../tokenizer.ts";

/** A checkpoint that was looked at: everything small is read and checked, of the weights only where they are. */
export interface OpenedCheckpoint {
  readonly name: string;
  readonly origin: WeightsOrigin;
  /** What the weights were made for. */
  readonly design: DesignId;
  readonly architecture: Architecture;
  /**
   * Those that tensorShapes(architecture, design) lists, under those names and in those shapes. Their values are finite, or
   * reading them is an error.
   */
  readonly tensors: ReadonlyMap<string, LazyTensor>;
  readonly tokenizer: Tokenizer;
  /** Plain sentences that a reader of a profile of these weights must know. */
  readonly notes: readonly string[];
  /** Of the files that hold the weights, in hexadecimal. */
  readonly sha256?: string;
}

/** A way in which models lie on a disk. A row is light: what reads tensors and tokenizers it imports when it opens one. */
export interface CheckpointFormat {
  readonly id: string;
  /** What is looked for, inside a sentence: "a folder of config.json, ...". */
  readonly title: string;
  /** The files that a checkpoint at `path` is read from, there or not: a change of one is another model. */
  files(path: string): string[];
  /** Whether `path` is meant to be one, right or wrong. Never rejects: what cannot be looked at is none. */
  matches(path: string): Promise<boolean>;
  /** @throws UserError when a file is missing, damaged or does not fit the others */
  open(path: string): Promise<OpenedCheckpoint>;
}

/** The first is the one whose own words say what is wrong with what none of them matches. */
export type Formats = readonly [CheckpointFormat, ...CheckpointFormat[]];
