import type { Fill } from "../../src/designs/look.ts";
import type { Report } from "../../src/protocol/report.ts";

/** Stacked bars as plain data: values in the axis's unit, and beside each the text that a reader sees. */
export interface BarsModel {
  readonly id: string;
  /** Printed above; left out where the section's heading says it. */
  readonly caption?: string;
  /** What the chart says, for those who do not see it. */
  readonly label: string;
  readonly direction: "up" | "across";
  /** Unit of the values. */
  readonly axis: string;
  /** The scale's end at least; charts that share it compare by eye. */
  readonly top: number;
  /** Pixels that a bar takes at least, so that a small one is not taken for none. */
  readonly smallest?: number;
  readonly categories: readonly string[];
  readonly titles: readonly string[];
  readonly series: readonly {
    readonly fill: Fill;
    readonly name: string;
    readonly values: readonly (number | null)[];
  }[];
  readonly floor?: readonly number[];
  readonly range?: { readonly min: readonly number[]; readonly max: readonly number[] };
  /** Dots on the ranges; the pieces' medians need not sum up to it. */
  readonly median?: readonly number[];
  /** Written at the bars' ends. */
  readonly ends?: readonly string[];
  /** Lines of the tooltip, per category. */
  readonly texts: readonly (readonly string[])[];
}

/** Ticks of charts by layer: full layers carry an F. */
export function layerNames({ model }: Report): string[] {
  return model.schedule.map((kind, index) => (kind === "full" ? `F${index}` : String(index)));
}
