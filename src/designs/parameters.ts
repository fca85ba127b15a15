import type { Architecture } from "../model/architecture.ts";
import { MOST_BLOCK, MOST_TOKENS } from "../model/limits.ts";
import { LAYERS_FORM, layersNamed } from "./layer-list.ts";
import type { ParameterValue, ParameterValues } from "./values.ts";

interface Described {
  /** What it is, for people, without a full stop. */
  readonly meaning: string;
}

/** A whole number that a user may choose for a design. */
export interface NumberParameter extends Described {
  readonly least: number;
  readonly most: number;
  /** What holds where nobody says: the model's own, or the paper's. */
  default(architecture: Architecture): number;
}

/** One of some words that a user may choose for a design. */
export interface WordParameter extends Described {
  readonly choices: readonly string[];
  default(architecture: Architecture): string;
}

/** Some of the decoder's layers that a user may name for a design, see layersNamed. */
export interface LayersParameter extends Described {
  readonly layers: true;
  default(architecture: Architecture): string;
}

/**
 * What can be chosen of a design, by the names that users type. Plain data and no schema of a validator: the editor's host reads
 * designs on activation.
 */
export type ParameterTable = Readonly<Record<string, NumberParameter | WordParameter | LayersParameter>>;

/** The values of a table's parameters. */
export type ValuesOf<T extends ParameterTable> = {
  readonly [K in keyof T]: ReturnType<T[K]["default"]>;
};

/** The window of a design that has one: the model's, where nobody says. */
export const WINDOW = {
  meaning: "last tokens that a window shows, the query's own included",
  least: 1,
  most: MOST_TOKENS,
  default: ({ window }: Architecture): number => window,
} as const satisfies NumberParameter;

/** The blocks of a design that selects by them: the model's, where nobody says. */
export const BLOCK = {
  meaning: "consecutive tokens that are selected together",
  least: 1,
  most: MOST_BLOCK,
  default: ({ block }: Architecture): number => block,
} as const satisfies NumberParameter;

/** What a model of this shape has where nobody chooses. */
export function defaultsOf(table: ParameterTable, architecture: Architecture): ParameterValues {
  return Object.fromEntries(Object.entries(table).map(([name, row]) => [name, row.default(architecture)]));
}

/** What is wrong with a value, as the end of a sentence about it; undefined where nothing is. */
export function valueProblem(row: ParameterTable[string], value: ParameterValue): string | undefined {
  if ("choices" in row) {
    return row.choices.some((choice) => choice === value) ? undefined : `must be one of ${row.choices.join(", ")}`;
  }
  if ("layers" in row) {
    return layersNamed(String(value), 0) === undefined ? `must be ${LAYERS_FORM}` : undefined;
  }
  const { least, most } = row;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return undefined;
  return `must be a whole number from ${least} to ${most}`;
}
