import { FIDELITY_DESIGNS, selectingDesign } from "../designs/designs.ts";
import { schedule } from "../model/architecture.ts";
import { UserError } from "../model/errors.ts";
import { fidelityShortage } from "./fidelity.ts";
import type { ProfileRequest } from "./request.ts";

const CHECKS = ["fidelity", "swaps"] as const;
type Check = (typeof CHECKS)[number];

/** Why something that was asked for cannot be measured. */
interface Obstacle {
  readonly checks: readonly Check[];
  /** A clause, for whoever asked and however. */
  readonly why: string;
  /** What to do about it on the command line. */
  readonly wayOut: string;
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
  const wayOut = `--max-tokens ${fits} would fit, or leave out ${flags(["fidelity"])}`;
  const settled = settle(request, [{ checks: ["fidelity"], why, wayOut }]);
  return { request: settled.request, leftOut: [...leftOut, ...settled.leftOut] };
}

function obstacles(request: ProfileRequest): Obstacle[] {
  const { model, variants, fidelity, swaps } = request;
  const asked = CHECKS.filter((check) => request[check] === true);
  if (asked.length === 0) return [];
  if (model.origin === "synthetic") {
    const why = `the weights of ${model.name} are random, so what its layers look at means nothing`;
    const wayOut = `leave out ${flags(asked)} or choose a trained model (--model embedded)`;
    return [{ checks: asked, why, wayOut }];
  }
  if (!schedule(model.architecture).includes("sparse")) {
    const why = `${model.name} has no sparse layers, so none that inherits a selection`;
    return [{ checks: asked, why, wayOut: `leave out ${flags(asked)}` }];
  }
  const found: Obstacle[] = [];
  const selecting = selectingDesign(model.architecture);
  if (swaps === true && selectingDesign(model.architecture, [model.design]) === undefined) {
    const why = `${model.name} is a dense model, which selects nothing`;
    found.push({ checks: ["swaps"], why, wayOut: "leave out --swaps (--fidelity can be had)" });
  } else if (swaps === true && selecting !== undefined && !variants.includes(selecting)) {
    const wayOut = `add ${selecting} to --variants, or leave out --swaps`;
    found.push({ checks: ["swaps"], why: `${selecting} is not among the variants`, wayOut });
  }
  if (fidelity === true && !FIDELITY_DESIGNS.some((id) => variants.includes(id))) {
    const wayOut = "add one of them to --variants, or leave out --fidelity";
    const why = `neither ${FIDELITY_DESIGNS.join(" nor ")} is among the variants`;
    found.push({ checks: ["fidelity"], why, wayOut });
  }
  return found;
}

function settle(request: ProfileRequest, found: readonly Obstacle[]): Answerable {
  const [first] = found;
  if (first === undefined) return { request, leftOut: [] };
  if (request.checksIfPossible !== true) throw new UserError(`${first.why}: ${first.wayOut}`);
  const without = Object.fromEntries(found.flatMap(({ checks }) => checks.map((check) => [check, false])));
  return {
    request: { ...request, ...without },
    leftOut: found.map(({ checks, why }) => `${subject(checks)}: ${why}.`),
  };
}

function flags(checks: readonly Check[]): string {
  return checks.map((check) => `--${check}`).join(" and ");
}

function subject(checks: readonly Check[]): string {
  if (checks.length > 1) return "The selection was not checked";
  return checks.includes("swaps") ? "The selection was not swapped" : "Oracle fidelity was not measured";
}
