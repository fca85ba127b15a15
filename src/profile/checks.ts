import { asRun } from "../designs/as-planned.ts";
import { BASELINE, planOf } from "../designs/designs.ts";
import type { Variant } from "../engine/engine.ts";
import { notRestrictable } from "../engine/swap.ts";
import { selectsAll } from "../model/architecture.ts";
import { UserError } from "../model/errors.ts";
import { askedChecks, CHECKS, type Check } from "./answerable.ts";
import type { PreparedDocument } from "./document.ts";
import { fidelityVariants, inherited, measureFidelity } from "./fidelity.ts";
import { measureOracleMap } from "./oracle-map/measure.ts";
import { mapPlan } from "./oracle-map/plan.ts";
import { FEWEST_TOKENS } from "./paired-interval.ts";
import type { ProgressMeter } from "./progress-meter.ts";
import type { Report } from "../protocol/report.ts";
import type { ProfileRequest } from "./request.ts";
import { swapRuns } from "./swap-runs.ts";
import { costsLike, measureSwaps, swappedVariant } from "./swaps.ts";

/** What a check found. */
interface Found {
  readonly parts: Pick<Report, Check>;
  /** Why something that was asked for is missing, or means little. */
  readonly warnings: readonly string[];
}

/** Of every prefill that `runChecks` will make of a document of so many tokens, the variant that it costs as much as. */
export function plannedRuns(request: ProfileRequest, tokens: number): Variant[] {
  const fidelity = request.fidelity === true ? fidelityVariants(request, tokens) : [];
  const map = request.oracleMap === undefined ? [] : [BASELINE];
  if (request.swaps !== true || !canSwap(tokens)) return [...fidelity, ...map];
  const variant = swappedVariant(request);
  const swaps = swapRuns(request.model.architecture, variant, tokens);
  return [...fidelity, ...swaps.map((run) => costsLike(run, variant)), ...map];
}

/**
 * Runs what was asked for of the selection's quality, apart from any time, and tells of each check when it is done. What fails for
 * a reason that a UserError names is left out with it, since all that was measured before would be lost otherwise.
 * @throws the signal's reason when cancelled
 */
export async function runChecks(
  request: ProfileRequest,
  document: PreparedDocument,
  meter: ProgressMeter,
  onCheck: (check: Check, found: Found) => void,
): Promise<void> {
  for (const check of askedChecks(request)) {
    try {
      onCheck(check, await RUNS[check](request, document, meter));
    } catch (error) {
      if (!(error instanceof UserError) || request.signal?.aborted === true) throw error;
      onCheck(check, { parts: {}, warnings: [`${CHECKS[check]}: ${error.message}.`] });
    }
  }
}

async function runFidelity(
  request: ProfileRequest,
  { tokens }: PreparedDocument,
  meter: ProgressMeter,
): Promise<Found> {
  if (fidelityVariants(request, tokens.length).length === 0) {
    const { selectedTokens } = inherited(request);
    throw new UserError(
      `the document has ${tokens.length} tokens, and every block is selected up to ${selectedTokens} tokens`,
    );
  }
  return { parts: { fidelity: await measureFidelity(request, tokens, meter) }, warnings: [] };
}

async function runSwaps(request: ProfileRequest, document: PreparedDocument, meter: ProgressMeter): Promise<Found> {
  const variant = swappedVariant(request);
  const plan = planOf(request.model.architecture, variant);
  const a = asRun(request.model.architecture, variant);
  const tokens = document.tokens.length;
  if (!canSwap(tokens)) {
    throw new UserError(
      `the document has ${tokens} tokens, and the cost of choosing badly cannot be told from so few; it takes more than ` +
        `${FEWEST_TOKENS}`,
    );
  }
  const { swaps, leftOut } = await measureSwaps(request, document, meter);
  const warnings = [...leftOut];
  const why = notRestrictable(plan);
  if (why !== undefined) warnings.push(`The last layer was not restricted to selected blocks: ${why}.`);
  if (selectsAll(a, tokens)) {
    warnings.push(
      `Swapping the selection: the document has ${tokens} tokens and up to ${a.selectedTokens} are selected, so ` +
        "recent and random blocks are the learned ones by construction, and so is what a restricted last layer reads.",
    );
  }
  return { parts: { swaps }, warnings };
}

async function runOracleMap(
  request: ProfileRequest,
  { tokens }: PreparedDocument,
  meter: ProgressMeter,
): Promise<Found> {
  const plan = mapPlan(request, tokens.length);
  return { parts: { oracleMap: await measureOracleMap(request, tokens, plan, meter) }, warnings: [] };
}

/** Every token but the first is predicted. */
function canSwap(tokens: number): boolean {
  return tokens > FEWEST_TOKENS;
}

const RUNS: Readonly<
  Record<Check, (request: ProfileRequest, document: PreparedDocument, meter: ProgressMeter) => Promise<Found>>
> = { fidelity: runFidelity, swaps: runSwaps, oracleMap: runOracleMap };
