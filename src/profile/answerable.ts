import { FIDELITY_DESIGNS, planOf, selectingDesign, type DesignId } from "../designs/designs.ts";
import { throughOf } from "../designs/plan.ts";
import { schedule, type Architecture } from "../model/architecture.ts";
import { UserError, words, type Words } from "../model/errors.ts";
import { fidelityShortage } from "./fidelity.ts";
import type { ProfileRequest } from "./request.ts";

const CHECKS = ["fidelity", "swaps"] as const;
type Check = (typeof CHECKS)[number];

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
  const shortage = request.fidelity === true ? fidelityShortage(request, tokens) : undefined;
  if (shortage === undefined) return { request, leftOut };
  const { why, fits } = shortage;
  const wayOut = words`${{ setting: "maxTokens", value: fits }} would fit, or drop ${named(["fidelity"])}`;
  const settled = settle(request, [{ checks: ["fidelity"], why, wayOut }]);
  return { request: settled.request, leftOut: [...leftOut, ...settled.leftOut] };
}

function obstacles(request: ProfileRequest): Obstacle[] {
  const { model, variants, fidelity, swaps } = request;
  const asked = CHECKS.filter((check) => request[check] === true);
  if (asked.length === 0) return [];
  if (model.origin === "synthetic") {
    const why = `the weights of ${model.name} are random, so its attention means nothing`;
    const trained = { setting: "model", value: "embedded" } as const;
    const wayOut = words`drop ${named(asked)} or choose a trained model (${trained})`;
    return [{ checks: asked, why, wayOut }];
  }
  const selecting = selectingDesign(model.architecture, variants);
  const idle = asked.filter((check) => !inherits(model.architecture, check === "swaps" ? selecting : undefined));
  const found: Obstacle[] = [];
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
  const without = Object.fromEntries(found.flatMap(({ checks }) => checks.map((check) => [check, false])));
  return {
    request: { ...request, ...without },
    leftOut: found.map(({ checks, why }) => `${subject(checks)}: ${why}.`),
  };
}

/** "--fidelity and --swaps", however they are called. */
function named(checks: readonly Check[]): Words {
  return checks.flatMap((setting, i) => (i === 0 ? [{ setting }] : [" and ", { setting }]));
}

function subject(checks: readonly Check[]): string {
  if (checks.length > 1) return "Selection checks skipped";
  return checks.includes("swaps") ? "Selection swaps skipped" : "Oracle fidelity skipped";
}
