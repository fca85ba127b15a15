import { selectsAll } from "../model/architecture.ts";
import type { Report, SwapName, SwapResult } from "../protocol/report.ts";
import { byOracle, fidelityRuns, together, type Coverage, type FidelityRun } from "./fidelity.ts";
import { percent, plural, sentence as asSentence } from "./format.ts";
import { selectedIn, selectingIn } from "./plan.ts";
import { addedShare, percents, replacements, swapPlaces } from "./swaps-table.ts";

/**
 * Sentences on how much the inherited blocks cover of a run's attention, what a reader must take away first. A run whose
 * weights were made for something else gets its caveat first: its figures say nothing about the design.
 */
export function coverageFinding(run: FidelityRun): string[] {
  const oracles = byOracle(run.layers);
  const [only] = oracles;
  const said =
    oracles.length === 1 && only
      ? [sentence(run, `The blocks chosen by layer ${only.oracle} hold`, only)]
      : [sentence(run, "The inherited blocks hold", together(run.layers)), oraclesText(oracles)];
  return run.caveat === undefined
    ? said
    : [`This is not what a model trained this way would show. ${asSentence(run.caveat)}`, ...said];
}

/** "Layer 0's blocks hold 48 % for layers 1 to 3, layer 4's 58 % for layers 5 to 7." */
function oraclesText(oracles: ReturnType<typeof byOracle>): string {
  const parts = oracles.map(({ oracle, mass, layers }, i) => {
    const subject = i === 0 ? `Layer ${oracle}'s blocks hold` : `layer ${oracle}'s`;
    return `${subject} ${percent(mass.inherited)} for ${layersText(layers)}`;
  });
  return `${parts.join(", ")}.`;
}

/**
 * "The blocks chosen by layer 8 hold 71 % of what layers 9 to 11 would look at if they saw everything; random ones would
 * hold 6 %, the newest 40 %, the best choice of as many 83 %."
 */
function sentence({ looked }: FidelityRun, subject: string, { layers, mass }: Coverage): string {
  return (
    `${subject} ${percent(mass.inherited)} of what ${layersText(layers)} ${looked}; random ones would hold ${percent(mass.random)}, the newest ` +
    `${percent(mass.recent)}, the layers' own choice of as many ${percent(mass.own)}.`
  );
}

/** "layer 9", "layers 9 to 11", "the 9 layers that inherit them". */
function layersText(layers: readonly number[]): string {
  const [first = 0] = layers;
  const last = layers.at(-1) ?? first;
  if (layers.length === 1) return `layer ${first}`;
  return last - first === layers.length - 1
    ? `layers ${first} to ${last}`
    : `the ${layers.length} layers that inherit them`;
}

/** What is held against what. */
const SIDES: Readonly<Record<Exclude<SwapName, "learned">, readonly [subject: string, other: string]>> = {
  random: ["the learned selection", "random blocks"],
  recent: ["the learned selection", "the newest blocks"],
  all: ["the learned selection", "reading every block"],
  none: ["reading selected blocks", "reading only the window"],
  "restrict-last": [
    "a last full layer that reads everything",
    "one that reads only what the oracle before it selected",
  ],
};

/** What cannot differ where every block is selected, whatever is chosen. */
const SAME_WHERE_ALL_SELECTED: Readonly<Partial<Record<SwapName, string>>> = {
  random: "random blocks are the learned ones",
  all: "the learned selection reads every block",
  recent: "the newest blocks are the learned ones",
  "restrict-last": "the last full layer reads everything, restricted or not",
};

const MAIN: SwapName = "random";

/**
 * What the selection is worth on this document, against random blocks first. A difference is claimed only where the
 * interval excludes zero.
 */
export function swapsFinding(report: Report): string[] {
  const others = replacements(report);
  const ordered = [...others.filter(({ name }) => name === MAIN), ...others.filter(({ name }) => name !== MAIN)];
  const variant = selectingIn(report);
  const note = variant === undefined ? undefined : report.variants[variant]?.note;
  return [
    ...(note === undefined || ordered.length === 0 ? [] : [asSentence(note)]),
    ...ordered.map((of) => worth(report, of)),
  ];
}

function worth(report: Report, result: SwapResult): string {
  const { name } = result;
  if (name === "learned") throw new Error("the learned selection is what others are held against");
  const [subject, other] = SIDES[name];
  const same = SAME_WHERE_ALL_SELECTED[name];
  if (same !== undefined && selectsAll(selectedIn(report), report.document.tokens))
    return `Every block of so short a document is selected: ${same}.`;
  const share = addedShare(report, result);
  if (share === undefined) return `What ${other} would cost is unknown: predicting this document took no bits.`;
  const [mean, low, high] = percents(share);
  if (share.low > 0) return `On this document ${subject} is worth ${mean} % (${low} to ${high}) over ${other}.`;
  if (share.high < 0) {
    const [better, least, most] = percents({ added: -share.added, low: -share.high, high: -share.low });
    return `On this document ${subject} is worse than ${other}, by ${better} % (${least} to ${most}).`;
  }
  return `No difference was measured here between ${subject} and ${other} (${low} to ${high} %).`;
}

/** What must be known about the places, or undefined where none is named. */
export function placesNote(report: Report): string | undefined {
  const places = swapPlaces(report, undefined);
  if (places.length === 0) return undefined;
  const random = replacements(report).find(({ name }) => name === MAIN);
  const chance =
    random !== undefined && random.addedLow > 0
      ? "they show where to look; single figures are noisy."
      : "since random blocks make no measurable difference to the whole document, chance alone may explain them.";
  return `The highest of ${plural(report.document.blockRanges.length, "block")}: ${chance}`;
}

/** How bits are counted, in words; undefined without swaps. */
export function swapsScope(report: Report): string | undefined {
  const { swaps } = report;
  if (swaps === undefined) return undefined;
  return (
    `Bits that the model needs to predict the document, over ${plural(swaps.tokens, "token")} ` +
    `(${plural(swaps.bytes, "byte")}); percentages are of the bits with the learned selection.`
  );
}

/** Whether there is anything to show. */
export function hasSelectionChecks(report: Report): boolean {
  return fidelityRuns(report).length > 0 || report.swaps !== undefined;
}
