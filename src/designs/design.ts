import type { Architecture } from "../model/architecture.ts";
import type { Look } from "./look.ts";
import type { ParameterTable } from "./parameters.ts";
import type { LayerPlan } from "./plan.ts";
import type { ParameterValues } from "./values.ts";

/** Tensors that a design needs beside those of a dense model. */
export type ExtraWeights = "gates" | "sinks";

/**
 * An attention design that can be profiled: everything that the rest of the program knows of it. `P` are the values of its
 * parameters, as chosen or by default.
 */
export interface Design<P = ParameterValues> {
  /** What commands, settings and reports call it: a contract once released. */
  readonly id: string;
  /** As a heading or in a table. */
  readonly title: string;
  /** The same above a narrow column. */
  readonly short: string;
  /** The same inside a sentence. */
  readonly words: string;
  /** One line on what it is, without a full stop. */
  readonly meaning: string;
  readonly look: Look;
  /** What others are held against: a report is about it only where nothing else was run. */
  readonly baseline?: true;
  /** It is profiled only where it is asked for: what runs without a word of the user stays as it is. */
  readonly onRequest?: true;
  readonly needs: readonly ExtraWeights[];
  /** Nothing is trained for it: what weights of the baseline do under it is what it does. */
  readonly untrained?: true;
  /** Present where a checkpoint may say that its weights were made for the design. */
  readonly checkpoint?: {
    /** "a dense model". */
    readonly called: string;
    /** What a reader of a profile of such weights must know. */
    readonly notes: readonly string[];
  };
  /** Present where it can be asked how much of a layer's attention lies in the blocks it inherits, or would. */
  readonly fidelity?: {
    readonly title: string;
    /** Whose attention is measured, over which keys. */
    readonly meaning: string;
    /** What follows "of what layers 1 to 3": "look at as full attention". */
    readonly looked: string;
  };
  /** What users may choose of it, beside what the model's weights fix. */
  readonly parameters?: ParameterTable;
  /** What is wrong with parameters each of which is in range, as a clause: "k = 100 is not a multiple of ...". */
  refuse?(parameters: P, architecture: Architecture): string | undefined;
  /** The parameters with which every query of so many tokens selects all the blocks that it sees; where it chooses blocks. */
  selectingAll?(parameters: P, tokens: number): P;
  /** What a reader of a profile of so many tokens must know first, in whole sentences. */
  caveats?(architecture: Architecture, tokens: number, parameters: P): readonly string[];
  /** What every layer of a model of this shape does under the design. */
  plan(architecture: Architecture, parameters: P): LayerPlan[];
}
