import type { Variant } from "../engine/engine.ts";
import { notRestrictable } from "../engine/swap.ts";
import { selectsAll } from "../model/architecture.ts";
import type { PreparedDocument } from "./document.ts";
import { fidelityVariants, measureFidelity } from "./fidelity.ts";
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
      const why = notRestrictable(a);
      if (why !== undefined) warnings.push(`The last layer was not restricted to selected blocks: ${why}.`);
      if (selectsAll(a, tokens)) {
        warnings.push(
          `Swapping the selection: the document has ${tokens} tokens and up to ${a.selectedTokens} are selected, so ` +
            "recent and random blocks are the learned ones by construction, and so is what a restricted last layer reads.",
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
