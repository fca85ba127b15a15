import {
  byDistance,
  COVERAGES,
  COVERAGE_NAMES,
  type CoverageName,
  type FidelityRun,
} from "../../src/report/fidelity.ts";
import { percent, plural } from "../../src/text/format.ts";

/** Shares of attention against the distance from the oracle, one line per choice of blocks: values and their texts. */
export interface CoverageChart {
  readonly id: string;
  readonly caption: string;
  readonly label: string;
  /** Layers from the oracle, ascending. */
  readonly distances: readonly number[];
  readonly titles: readonly string[];
  readonly series: readonly {
    readonly choice: CoverageName;
    readonly name: string;
    /** 0 .. 1, means over layers. */
    readonly values: readonly number[];
  }[];
  /** The lowest and highest inherited share of a single layer; absent where every distance has one layer. */
  readonly range?: { readonly min: readonly number[]; readonly max: readonly number[] };
  readonly texts: readonly (readonly string[])[];
}

/** How the thin line of a chart with a `range` is to be read. */
export const RANGE_READING = "The thin line spans the layers with the lowest and the highest share.";

/** The chart of one run. */
export function coverageChart({ variant, title, layers }: FidelityRun): CoverageChart {
  const places = byDistance(layers);
  const ranged = places.some((place) => place.layers.length > 1);
  return {
    id: `coverage-${variant}`,
    caption: title,
    label: `Share of attention inside the blocks, by distance to the oracle. ${title}`,
    distances: places.map(({ distance }) => distance ?? 0),
    titles: places.map(
      ({ distance, layers: of }) => `${plural(distance ?? 0, "layer")} from the oracle: ${of.join(", ")}`,
    ),
    series: COVERAGES.map((choice) => ({
      choice,
      name: COVERAGE_NAMES[choice],
      values: places.map(({ mass }) => mass[choice]),
    })),
    ...(ranged
      ? { range: { min: places.map(({ lowest }) => lowest), max: places.map(({ highest }) => highest) } }
      : {}),
    texts: places.map(({ mass, lowest, highest, layers: of }) =>
      COVERAGES.map((choice) => {
        const range = choice === "inherited" && of.length > 1 ? ` (${percent(lowest)} to ${percent(highest)})` : "";
        return `${COVERAGE_NAMES[choice]} ${percent(mass[choice])}${range}`;
      }),
    ),
  };
}
