import { designById, FIDELITY_DESIGNS } from "../designs/designs.ts";
import type { Variant } from "../engine/engine.ts";
import type { FidelityLayer, Report } from "../protocol/report.ts";
import { largest, least } from "../profile/extremes.ts";

/** Layers taken together: their means, and which they are. */
export interface Coverage {
  /** Layers from the oracle; undefined where layers of several distances are taken together. */
  readonly distance: number | undefined;
  readonly layers: readonly number[];
  readonly mass: FidelityLayer["mass"];
  readonly blocks: FidelityLayer["blocks"];
  /** The lowest and the highest `mass.inherited` of a single layer. */
  readonly lowest: number;
  readonly highest: number;
}

/** One way in which the model was run, and what it says. */
export interface FidelityRun {
  readonly variant: Variant;
  readonly title: string;
  /** Whose attention it is, over which keys. */
  readonly meaning: string;
  /** What follows "of what layers 1 to 3": "look at as full attention". */
  readonly looked: string;
  /** Why its figures say nothing about the design, where that is so. */
  readonly caveat?: string;
  readonly layers: readonly FidelityLayer[];
}

/** What a layer's blocks are held against, in the order in which charts and tables show them. */
export const COVERAGE_NAMES = {
  own: "own choice",
  inherited: "inherited blocks",
  recent: "newest blocks",
  random: "random blocks",
} as const satisfies Partial<Record<keyof FidelityLayer["mass"], string>>;

export type CoverageName = keyof typeof COVERAGE_NAMES;
export const COVERAGES: readonly CoverageName[] = ["own", "inherited", "recent", "random"];

export const COVERAGE_MEANINGS: Readonly<Record<CoverageName, string>> = {
  own: "as many blocks as are inherited, chosen by the layer's own scores: about the most that so many can hold",
  inherited: "the blocks that the layer reads because its oracle chose them",
  recent: "as many of the newest blocks",
  random: "as many random visible blocks, the expected value",
};

/** The runs whose fidelity was measured and that have layers to speak of. */
export function fidelityRuns(report: Report): FidelityRun[] {
  const { variants } = report.fidelity ?? {};
  return FIDELITY_DESIGNS.flatMap((variant): FidelityRun[] => {
    const { fidelity } = designById(variant);
    const layers = variants?.[variant]?.layers ?? [];
    if (fidelity === undefined || layers.length === 0) return [];
    const note = report.variants[variant]?.note;
    return [{ variant, ...fidelity, layers, ...(note === undefined ? {} : { caveat: note }) }];
  });
}

/** Means over the layers of each distance, nearest first. */
export function byDistance(layers: readonly FidelityLayer[]): Coverage[] {
  const distances = [...new Set(layers.map(({ distance }) => distance))].sort((a, b) => a - b);
  return distances.map((distance) => together(layers.filter((layer) => layer.distance === distance)));
}

/** Means over the layers that one oracle feeds, by oracle. */
export function byOracle(layers: readonly FidelityLayer[]): (Coverage & { readonly oracle: number })[] {
  const oracles = [...new Set(layers.map(({ oracle }) => oracle))].sort((a, b) => a - b);
  return oracles.map((oracle) => ({ ...together(layers.filter((layer) => layer.oracle === oracle)), oracle }));
}

/** Means over some layers; at least one. */
export function together(layers: readonly FidelityLayer[]): Coverage {
  const mean = (of: (layer: FidelityLayer) => number): number =>
    layers.reduce((sum, layer) => sum + of(layer), 0) / layers.length;
  const distances = new Set(layers.map(({ distance }) => distance));
  const inherited = layers.map(({ mass }) => mass.inherited);
  return {
    distance: distances.size === 1 ? layers[0]?.distance : undefined,
    layers: layers.map(({ layer }) => layer),
    mass: {
      inherited: mean(({ mass }) => mass.inherited),
      inheritedLow: mean(({ mass }) => mass.inheritedLow),
      inheritedOrWindow: mean(({ mass }) => mass.inheritedOrWindow),
      own: mean(({ mass }) => mass.own),
      ownOrWindow: mean(({ mass }) => mass.ownOrWindow),
      recent: mean(({ mass }) => mass.recent),
      random: mean(({ mass }) => mass.random),
      window: mean(({ mass }) => mass.window),
    },
    blocks: {
      inherited: mean(({ blocks }) => blocks.inherited),
      inheritedOrWindow: mean(({ blocks }) => blocks.inheritedOrWindow),
      random: mean(({ blocks }) => blocks.random),
    },
    lowest: least(inherited),
    highest: largest(inherited),
  };
}
