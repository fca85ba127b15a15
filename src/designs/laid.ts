import type { Architecture } from "../model/architecture.ts";
import { UserError, words, type NamedSetting, type Words } from "../model/errors.ts";
import { DESIGN_IDS, DESIGNS, designById, parametersOf, type DesignId, type DesignRow } from "./designs.ts";
import { defaultsOf, valueProblem } from "./parameters.ts";
import type { ParameterValue, ParameterValues } from "./values.ts";

/** A design as a user names it, with what they chose of its parameters. */
export interface ChosenDesign {
  readonly id: DesignId;
  readonly parameters: ParameterValues;
}

/**
 * Reads "streaming", or "streaming:window=1020,first=4".
 * @throws UserError for a design or a parameter that there is not, and a value out of range
 */
export function readDesign(text: string): ChosenDesign {
  const [name = "", ...rest] = text.trim().split(":");
  const design = DESIGNS.find(({ id }) => id === name);
  if (design === undefined) throw refusal(text, `unknown design "${name}". Available: ${DESIGN_IDS.join(", ")}`);
  const parameters: Record<string, ParameterValue> = {};
  for (const part of rest.length === 0 ? [] : rest.join(":").split(",")) {
    const [parameter = "", value, ...more] = part.split("=").map((piece) => piece.trim());
    const row = design.parameters?.[parameter];
    if (row === undefined || !Object.hasOwn(design.parameters ?? {}, parameter)) {
      throw refusal(text, `${design.id} has no parameter "${parameter}"${existing(design)}`);
    }
    if (value === undefined || more.length > 0) {
      throw refusal(text, `write ${parameter}=value, not "${part}"`);
    }
    if (Object.hasOwn(parameters, parameter)) throw refusal(text, `${parameter} is given twice`);
    const read = !("least" in row) ? value : /^\d+$/.test(value) ? Number(value) : NaN;
    const problem = valueProblem(row, read);
    if (problem !== undefined) throw refusal(text, `${parameter} ${problem} (it is "${value}")`);
    parameters[parameter] = read;
  }
  return { id: design.id, parameters };
}

/** ": it has k, block and window". */
function existing({ parameters = {} }: DesignRow): string {
  const names = Object.keys(parameters);
  return names.length === 0 ? ": it has none" : `: it has ${names.join(", ")}`;
}

/** As a user would type it; parameters that are the model's own, or the paper's, are left out. */
export function writtenDesign(architecture: Architecture, id: DesignId): string {
  const said = Object.entries(chosenOf(architecture, id)).map(([name, value]) => `${name}=${value}`);
  return said.length === 0 ? id : `${id}:${said.join(",")}`;
}

/** The parameters of a design that are not what holds where nobody says. */
export function chosenOf(architecture: Architecture, id: DesignId): ParameterValues {
  const unsaid = defaultsOf(designById(id).parameters ?? {}, architecture);
  const all = Object.entries(parametersOf(architecture, id));
  return Object.fromEntries(all.filter(([name, value]) => value !== unsaid[name]));
}

/** The architecture with these parameters of a design chosen. */
export function withParameters(architecture: Architecture, id: DesignId, parameters: ParameterValues): Architecture {
  return { ...architecture, laid: { ...architecture.laid, [id]: parameters } };
}

/**
 * The designs to run and the architecture with their parameters laid over it.
 * @param texts designs as users name them; those that are not among `variants` join them
 * @throws UserError for what `readDesign` refuses, a design named twice, and parameters that do not fit each other or the model
 */
export function chosenDesigns(
  texts: readonly string[],
  variants: readonly DesignId[],
  architecture: Architecture,
): { readonly variants: readonly DesignId[]; readonly architecture: Architecture } {
  const ids = new Set<DesignId>(variants);
  const named = new Set<DesignId>();
  let laid = architecture;
  for (const text of texts) {
    const { id, parameters } = readDesign(text);
    if (named.has(id)) throw refusal(text, `${id} is listed twice; a profile runs each design once`);
    named.add(id);
    ids.add(id);
    laid = withParameters(laid, id, parameters);
    const problem = designById(id).refuse?.(parametersOf(laid, id), laid);
    if (problem !== undefined) throw refusal(text, problem);
  }
  return { variants: [...ids], architecture: laid };
}

function refusal(text: string, why: string): UserError {
  const setting: NamedSetting = { setting: "designs", value: text };
  const message: Words = words`${setting}: ${why}`;
  return new UserError(message);
}
