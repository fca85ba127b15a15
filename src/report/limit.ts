import type { Report } from "../protocol/report.ts";
import { milliseconds, percent } from "./format.ts";

/** A measured time and the least that its work needs, in milliseconds. */
interface Measured {
  readonly ms: number;
  readonly floorMs: number;
}

/** How floors are told. */
export interface FloorWords {
  /** Of the mark across a bar. */
  readonly mark: string;
  readonly meaning: string;
  /** Title of a table's column, with its unit. */
  readonly column: string;
  readonly cell: (of: Measured) => string;
  /** One line, with `show` for times. */
  readonly text: (of: Measured, show: (ms: number) => string) => string;
}

/**
 * Whether this report's floors are limits: its ceilings are the best that the machine showed to any code, which they are where
 * they name rates of reading. Up to 0.5.0 they were the rates of our own product and copy, which a stage could beat.
 */
export function hasLimits({ environment }: Report): boolean {
  return environment.ceilings.reads !== undefined;
}

/** The least time over the measured one; undefined where nothing was measured. */
export function shareOfLimit({ ms, floorMs }: Measured): number | undefined {
  return ms > 0 ? floorMs / ms : undefined;
}

const LIMIT: FloorWords = {
  mark: "limit",
  meaning:
    "the least time that the work needs at the best rates that this machine showed to any code: multiply-adds in registers, " +
    "reads from memory and from caches",
  column: "share of\nthe limit",
  cell: shareText,
  text: (of, show) => `share of the limit ${shareText(of)} (${show(of.floorMs)})`,
};

/** Of reports whose ceilings were the rates of our own code. */
const FLOOR: FloorWords = {
  mark: "floor",
  meaning: "the time that the work needs at this machine's measured matrix rate and copy bandwidth",
  column: "floor,\nms",
  cell: ({ floorMs }) => milliseconds(floorMs),
  text: ({ floorMs }, show) => `floor ${show(floorMs)}`,
};

export function floorWords(report: Report): FloorWords {
  return hasLimits(report) ? LIMIT : FLOOR;
}

function shareText(of: Measured): string {
  const share = shareOfLimit(of);
  return share === undefined ? "-" : percent(share);
}
