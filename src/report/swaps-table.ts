import type { Report, SwapName, SwapResult } from "../protocol/report.ts";
import { lines } from "../text/format.ts";
import type { Table } from "./tables.ts";
import { largest, least } from "../profile/extremes.ts";

const NONE = "-";

/** What the layers read, as a row's name. */
export const SWAP_LABELS: Readonly<Record<SwapName, string>> = {
  learned: "as learned",
  all: "every block",
  recent: "the newest blocks",
  random: "random blocks",
  none: "no blocks, only the window",
  "restrict-last": "learned, last layer too",
};

export const SWAP_MEANINGS: Readonly<Record<SwapName, string>> = {
  learned: "sparse layers read the blocks their oracles select",
  all: "sparse layers read every visible block: the most a larger k could bring without training",
  recent: "sparse layers read as many of the newest blocks",
  random: "sparse layers read as many random visible blocks",
  none: "sparse layers read no selected block, only what they always read",
  "restrict-last": "as learned, but the last full layer reads only the blocks selected by the last oracle before it",
};

/** A result as shares of the learned selection's bits. */
export interface AddedShare {
  readonly added: number;
  readonly low: number;
  readonly high: number;
}

/** The learned selection's result, where there is one whose bits can be divided by. */
function learnedOf(report: Report): SwapResult | undefined {
  return report.swaps?.results.find(({ name, bitsPerByte }) => name === "learned" && bitsPerByte > 0);
}

/** What a swap adds, as shares of the bits with the learned selection; undefined where those are unknown. */
export function addedShare(report: Report, result: SwapResult): AddedShare | undefined {
  const learned = learnedOf(report)?.bitsPerByte;
  if (learned === undefined) return undefined;
  return { added: result.added / learned, low: result.addedLow / learned, high: result.addedHigh / learned };
}

/** The results beside the learned one. */
export function replacements(report: Report): SwapResult[] {
  return (report.swaps?.results ?? []).filter(({ name }) => name !== "learned");
}

export function swapsTable(report: Report): Table {
  return {
    columns: [
      { title: "Blocks read", numeric: false },
      { title: "Bits\nper byte", numeric: true },
      { title: "Draws,\nmin - max", numeric: true },
      { title: "Added bits\nper byte", numeric: true },
      { title: "95 % CI", numeric: true },
      { title: "Added", numeric: true },
    ],
    rows: (report.swaps?.results ?? []).map((result) => [
      SWAP_LABELS[result.name],
      bits(result.bitsPerByte),
      result.samples.length > 1 ? `${bits(least(result.samples))} - ${bits(largest(result.samples))}` : NONE,
      ...(result.name === "learned" ? [NONE, NONE, NONE] : added(report, result)),
    ]),
  };
}

function added(report: Report, result: SwapResult): string[] {
  const share = addedShare(report, result);
  return [
    bits(result.added),
    `${bits(result.addedLow)} to ${bits(result.addedHigh)}`,
    share === undefined ? NONE : `${percents(share)[0]} %`,
  ];
}

/** Where choosing at random costs most, with the words of each place where the text is at hand. */
export interface Place {
  readonly block: number;
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly facts: string;
  readonly words?: string;
}

/** Places that cost more at random, most first. `text` is the document's. */
export function swapPlaces(report: Report, text: string | undefined): Place[] {
  return (report.swaps?.places ?? [])
    .filter(({ addedBits }) => addedBits > 0)
    .map((place) => {
      const words = text === undefined ? place.text : text.slice(place.start, place.end);
      return {
        block: place.block,
        start: place.start,
        end: place.end,
        name: lines(place.startLine, place.endLine),
        facts: `${place.addedBits.toFixed(1)} bits more`,
        ...(words === undefined ? {} : { words }),
      };
    });
}

/** Bits per byte, or a difference of them: differences of a thousandth matter. */
function bits(value: number): string {
  return unsigned(value.toFixed(4));
}

/** Mean, low and high in percent without the sign: as many decimals as the interval needs, at most three. */
export function percents({ added: mean, low, high }: AddedShare): [string, string, string] {
  const values = [mean, low, high].map((share) => share * 100);
  const width = (high - low) * 100;
  let decimals = width > 0 ? Math.max(1, Math.ceil(-Math.log10(width))) : 1;
  // An end that is not zero is not printed as zero.
  while (decimals < 3 && values.some((value) => value !== 0 && Number(value.toFixed(decimals)) === 0)) decimals++;
  const [a = "", b = "", c = ""] = values.map((value) => unsigned(value.toFixed(Math.min(3, decimals))));
  return [a, b, c];
}

/** Zero has no sign. */
function unsigned(text: string): string {
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text;
}
