import { FIDELITY_DESIGNS, planOf, selectingDesign, type DesignId } from "../designs/designs.ts";
import { throughOf } from "../designs/plan.ts";
import { schedule, type Architecture } from "../model/architecture.ts";
import { UserError, words, type Words } from "../model/errors.ts";
import { fidelityShortage } from "./fidelity.ts";
import type { Shortage } from "./kept-shortage.ts";
import { budgetProblem, mapShortage } from "./oracle-map/plan.ts";
import type { ProfileRequest } from "./request.ts";

/** What is measured beside any time, with the subject of a sentence that says why one was left out. */
export const CHECKS = {
  fidelity: "Oracle fidelity skipped",
  swaps: "Selection swaps skipped",
  oracleMap: "Oracle map skipped",
} as const;
export type Check = keyof typeof CHECKS;

/** What a request asks for of them, in their order. */
export function askedChecks(request: Pick<ProfileRequest, Check>): Check[] {
  const names = Object.keys(CHECKS) as Check[];
  return names.filter((check) => request[check] !== undefined && request[check] !== false);
}

const FIDELITY = { setting: "fidelity" } as const;
const SWAPS = { setting: "swaps" } as const;
const VARIANTS = { setting: "variants" } as const;

/** Why something that was asked for cannot be measured. */
interface Obstacle {
  readonly checks: readonly Check[];
  /** A clause, for whoever asked and however. */
  readonly why: string;
  /** What to do about it. */
  readonly wayOut: Words;
}

/** A request that can be answered. */
export interface Answerable {
  readonly request: ProfileRequest;
  /** Why some of what was asked for is no longer in it, a sentence each. */
  readonly leftOut: readonly string[];
}

/**
 * Settles which checks of the selection can be made, before anything is read or run: those that cannot are left out where
 * they were asked for "if possible", and refused otherwise.
 * @throws UserError that names the way out
 */
export function answerable(request: ProfileRequest): Answerable {
  return settle(request, obstacles(request));
}

/** The same for what only a document of so many tokens makes impossible. @throws UserError that names the way out */
export function answerableFor(tokens: number, { request, leftOut }: Answerable): Answerable {
  const found = [
    ...tooLarge("fidelity", request.fidelity === true ? fidelityShortage(request, tokens) : undefined),
    ...tooLarge("oracleMap", request.oracleMap === undefined ? undefined : mapShortage(request, tokens)),
  ];
  const settled = settle(request, found);
  return { request: settled.request, leftOut: [...leftOut, ...settled.leftOut] };
}

function tooLarge(check: Check, shortage: Shortage | undefined): Obstacle[] {
  if (shortage === undefined) return [];
  const { why, fits } = shortage;
  const wayOut = words`${{ setting: "maxTokens", value: fits }} would fit, or drop ${named([check])}`;
  return [{ checks: [check], why, wayOut }];
}

function obstacles(request: ProfileRequest): Obstacle[] {
  const { model, variants, fidelity, swaps } = request;
  const asked = askedChecks(request);
  if (asked.length === 0) return [];
  if (model.origin === "synthetic") {
    const why = `the weights of ${model.name} are random, so its attention means nothing`;
    const trained = { setting: "model", value: "embedded" } as const;
    const wayOut = words`drop ${named(asked)} or choose a trained model (${trained})`;
    return [{ checks: asked, why, wayOut }];
  }
  const found: Obstacle[] = [];
  const budget = budgetProblem(request);
  if (budget !== undefined) found.push({ checks: ["oracleMap"], ...budget });
  const selecting = selectingDesign(model.architecture, variants);
  const inheriting = asked.filter((check) => check !== "oracleMap");
  const idle = inheriting.filter((check) => !inherits(model.architecture, check === "swaps" ? selecting : undefined));
  if (idle.length > 0) {
    const why = `${model.name} has no sparse layers, so no layer inherits a selection`;
    found.push({ checks: idle, why, wayOut: words`drop ${named(idle)}` });
  }
  if (swaps === true && selecting === undefined && !idle.includes("swaps")) found.push(nothingToSwap(model));
  if (fidelity === true && !idle.includes("fidelity") && !FIDELITY_DESIGNS.some((id) => variants.includes(id))) {
    const wayOut = words`add one of them to ${VARIANTS}, or drop ${FIDELITY}`;
    const why = `neither ${FIDELITY_DESIGNS.join(" nor ")} is among the variants`;
    found.push({ checks: ["fidelity"], why, wayOut });
  }
  return found;
}

/** Whether layers read by the choice of others: under a design, or where none is named by the model's schedule. */
function inherits(architecture: Architecture, design: DesignId | undefined): boolean {
  return design === undefined
    ? schedule(architecture).includes("sparse")
    : planOf(architecture, design).some((layer) => throughOf(layer) !== undefined);
}

/** None of the variants chooses blocks. */
function nothingToSwap({ name, architecture, design }: ProfileRequest["model"]): Obstacle {
  if (selectingDesign(architecture, [design]) === undefined) {
    const why = `${name} is a dense model and selects nothing`;
    return { checks: ["swaps"], why, wayOut: words`drop ${SWAPS} (${FIDELITY} works)` };
  }
  const wayOut = words`add ${design} to ${VARIANTS}, or drop ${SWAPS}`;
  return { checks: ["swaps"], why: `${design} is not among the variants`, wayOut };
}

function settle(request: ProfileRequest, found: readonly Obstacle[]): Answerable {
  const [first] = found;
  if (first === undefined) return { request, leftOut: [] };
  if (request.checksIfPossible !== true) throw new UserError(words`${first.why}: ${first.wayOut}`);
  const dropped = found.flatMap(({ checks }) => checks);
  const { oracleMap, ...others } = request;
  return {
    request: {
      ...others,
      ...(dropped.includes("fidelity") ? { fidelity: false } : {}),
      ...(dropped.includes("swaps") ? { swaps: false } : {}),
      ...(oracleMap === undefined || dropped.includes("oracleMap") ? {} : { oracleMap }),
    },
    leftOut: found.map(({ checks, why }) => `${subject(checks)}: ${why}.`),
  };
}

/** "--fidelity and --swaps", however they are called. */
function named(checks: readonly Check[]): Words {
  return checks.flatMap((setting, i) => (i === 0 ? [{ setting }] : [" and ", { setting }]));
}

function subject([first, ...others]: readonly Check[]): string {
  return first === undefined || others.length > 0 ? "Selection checks skipped" : CHECKS[first];
}
