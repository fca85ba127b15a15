import type { Variant } from "../engine/engine.ts";
import { schedule } from "../model/architecture.ts";
import { UserError } from "../model/errors.ts";
import type { PreparedDocument } from "./document.ts";
import { checkFidelityMemory, fidelityVariants, measureFidelity } from "./fidelity.ts";
import { FEWEST_TOKENS } from "./paired-interval.ts";
import type { ProgressMeter } from "./progress-meter.ts";
import type { Report } from "./report.ts";
import type { ProfileRequest } from "./request.ts";
import { swapRuns } from "./swap-runs.ts";
import { measureSwaps } from "./swaps.ts";

/** What is measured of the selection's quality, apart from any time. */
export interface Checks {
  readonly settings: Pick<Report["settings"], "fidelity" | "swaps">;
  readonly parts: Pick<Report, "fidelity" | "swaps">;
  /** Why something that was asked for is missing, or means little. */
  readonly warnings: readonly string[];
}

/**
 * Refuses what could not be answered, before anything is read or run.
 * @throws UserError that names the way out
 */
export function checkAsked({ model, variants, fidelity, swaps }: ProfileRequest): void {
  const asked = [...(fidelity === true ? ["--fidelity"] : []), ...(swaps === true ? ["--swaps"] : [])].join(" and ");
  if (asked === "") return;
  if (model.origin === "synthetic") {
    throw new UserError(
      `the weights of ${model.name} are random: what its layers look at means nothing; leave out ${asked} or choose a ` +
        "trained model (--model embedded)",
    );
  }
  if (!schedule(model.architecture).includes("sparse")) {
    throw new UserError(`${model.name} has no sparse layers, so none that inherits a selection: leave out ${asked}`);
  }
  if (swaps === true && model.design === "full") {
    throw new UserError(
      `${model.name} is a dense model, which selects nothing: leave out --swaps (--fidelity can be had)`,
    );
  }
  if (swaps === true && !variants.includes("hysparse")) {
    throw new UserError("--swaps replaces the selection of hysparse: add hysparse to --variants, or leave out --swaps");
  }
  if (fidelity === true && !variants.includes("hysparse") && !variants.includes("full")) {
    throw new UserError(
      "--fidelity is measured on hysparse and full: add one of them to --variants, or leave out --fidelity",
    );
  }
}

/** @throws UserError when what was asked for needs more memory than there is */
export function checkMemoryForChecks(request: ProfileRequest, tokens: number): void {
  if (request.fidelity === true) checkFidelityMemory(request, tokens);
}

/** The variant of every prefill that `runChecks` will make of a document of so many tokens. */
export function plannedRuns(request: ProfileRequest, tokens: number): Variant[] {
  const swaps = request.swaps === true && canSwap(tokens) ? swapRuns(request.model.architecture) : [];
  return [
    ...(request.fidelity === true ? fidelityVariants(request, tokens) : []),
    ...swaps.map((): Variant => "hysparse"),
  ];
}

/** Runs what was asked for. @throws the signal's reason when cancelled */
export async function runChecks(
  request: ProfileRequest,
  document: PreparedDocument,
  meter: ProgressMeter,
): Promise<Checks> {
  const { architecture: a } = request.model;
  const tokens = document.tokens.length;
  const settings: Checks["settings"] = {};
  const parts: Checks["parts"] = {};
  const warnings: string[] = [];
  if (request.fidelity === true) {
    settings.fidelity = true;
    if (fidelityVariants(request, tokens).length > 0) {
      parts.fidelity = await measureFidelity(request, document.tokens, meter);
      if (parts.fidelity.variants.full !== undefined && request.model.design !== "full") {
        warnings.push(
          "Oracle fidelity under full attention: these weights were trained as HySparse, whose sparse layers use their own " +
            "keys in their window only, so it says nothing about a model trained with full attention.",
        );
      }
    } else {
      warnings.push(
        `Oracle fidelity was not measured: the document has ${tokens} tokens, and every block is selected up to ` +
          `${a.selectedTokens} tokens.`,
      );
    }
  }
  if (request.swaps === true) {
    settings.swaps = true;
    if (canSwap(tokens)) {
      parts.swaps = await measureSwaps(request, document, meter);
      if (tokens <= a.selectedTokens) {
        warnings.push(
          `Swapping the selection: the document has ${tokens} tokens and up to ${a.selectedTokens} are selected, so ` +
            "recent and random blocks are the learned ones by construction.",
        );
      }
    } else {
      warnings.push(
        `The selection was not swapped: the document has ${tokens} tokens, and the cost of choosing badly cannot be told ` +
          `from so few; it takes more than ${FEWEST_TOKENS}.`,
      );
    }
  }
  return { settings, parts, warnings };
}

/** Every token but the first is predicted. */
function canSwap(tokens: number): boolean {
  return tokens > FEWEST_TOKENS;
}
