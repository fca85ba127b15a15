import type { Architecture } from "../model/architecture.ts";
import type { Design } from "./design.ts";
import { defaultsOf, valueProblem } from "./parameters.ts";
import type { LayerPlan } from "./plan.ts";
import { ROWS } from "./rows.ts";
import type { ParameterValues } from "./values.ts";

export type DesignId = (typeof ROWS)[number]["id"];

/** A design whose id is known to be one of the table. */
export type DesignRow = Design & { readonly id: DesignId };

/** Every design, in the order in which they are shown. */
export const DESIGNS: readonly DesignRow[] = ROWS;

export const DESIGN_IDS: readonly DesignId[] = DESIGNS.map(({ id }) => id);

/** What is profiled where nobody says. */
export const DEFAULT_DESIGNS: readonly DesignId[] = DESIGNS.flatMap(({ id, onRequest }) => (onRequest ? [] : [id]));

/** What weights may have been made for; where a checkpoint does not say, the first, which has all tensors of the others. */
export const CHECKPOINT_DESIGNS = idsWith("checkpoint");

/** Designs whose oracle fidelity can be measured. */
export const FIDELITY_DESIGNS = idsWith("fidelity");

/** What every other design is held against first. */
export const [BASELINE] = idsWith("baseline");

function idsWith(what: "checkpoint" | "fidelity" | "baseline"): readonly [DesignId, ...DesignId[]] {
  const [first, ...others] = DESIGNS.filter((design) => design[what] !== undefined).map(({ id }) => id);
  if (first === undefined) throw new Error(`no design has a ${what}`);
  return [first, ...others];
}

export function designById(id: DesignId): DesignRow {
  const design = DESIGNS.find((row) => row.id === id);
  if (design === undefined) throw new RangeError(`unknown design "${id}"`);
  return design;
}

/** Something of every design, by its id. */
export function byDesign<T>(of: (design: DesignRow) => T): Readonly<Record<DesignId, T>> {
  return Object.fromEntries(DESIGNS.map((design) => [design.id, of(design)])) as Record<DesignId, T>;
}

/** The parameters of the design called `id` on a model of this shape: as chosen (`laid`), else by default. */
export function parametersOf(architecture: Architecture, id: DesignId): ParameterValues {
  return { ...defaultsOf(designById(id).parameters ?? {}, architecture), ...architecture.laid?.[id] };
}

/** What is wrong with parameters of a design on a model of this shape, as a clause; undefined where nothing is. */
export function parametersProblem(a: Architecture, id: DesignId, values: ParameterValues): string | undefined {
  const design = designById(id);
  const { parameters = {} } = design;
  const unsaid = defaultsOf(parameters, a);
  for (const [name, value] of Object.entries(values)) {
    const row = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (row === undefined) return `${id} has no parameter "${name}"`;
    // A model's own may be beyond what can be chosen.
    const problem = value === unsaid[name] ? undefined : valueProblem(row, value);
    if (problem !== undefined) return `${name} ${problem} (it is ${value})`;
  }
  return design.refuse?.({ ...unsaid, ...values }, a);
}

/** What every layer of a model of this shape does under the design called `id`, with the parameters that were chosen. */
export function planOf(architecture: Architecture, id: DesignId): LayerPlan[] {
  return designById(id).plan(architecture, parametersOf(architecture, id));
}

/** What a reader of a profile of so many tokens under the design called `id` must know first. */
export function caveatsOf(architecture: Architecture, id: DesignId, tokens: number): readonly string[] {
  return designById(id).caveats?.(architecture, tokens, parametersOf(architecture, id)) ?? [];
}

/**
 * The first of `ids` that chooses blocks in a model of this shape: the one whose selection is recorded, shown and swapped.
 * Undefined where none does.
 */
export function selectingDesign(
  architecture: Architecture,
  ids: readonly DesignId[] = DESIGN_IDS,
): DesignId | undefined {
  return ids.find((id) => planOf(architecture, id).some(({ scores }) => scores));
}
