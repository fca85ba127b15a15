import type { FidelityLayer } from "../protocol/report.ts";
import { byDistance, together, type FidelityRun } from "./fidelity.ts";
import { percent } from "./format.ts";
import type { Table } from "./tables.ts";

const SHARES: readonly string[] = [
  "Inherited\nblocks",
  "one in 10\nbelow",
  "or\nwindow",
  "Own\nchoice",
  "or\nwindow",
  "Newest\nblocks",
  "Random\nblocks",
  "Window\nalone",
  "Own top\nblocks",
  "at\nrandom",
];

const columns = (...titles: readonly string[]): Table["columns"] =>
  [...titles, ...SHARES].map((title) => ({ title, numeric: true }));

/** Means over oracles for every distance, and over all layers. */
export function distanceTable({ layers }: FidelityRun): Table {
  const rows = byDistance(layers).map((of) => [String(of.distance), String(of.layers.length), ...shares(of)]);
  return {
    columns: columns("Layers\naway", "Mean\nof"),
    rows: [...rows, ["all", String(layers.length), ...shares(together(layers))]],
  };
}

/** A run's tables with their captions: by distance, and by layer. */
export function coverageTables(run: FidelityRun): { readonly caption: string; readonly table: Table }[] {
  return [
    { caption: `${run.title}, by layers from the oracle`, table: distanceTable(run) },
    { caption: `${run.title}, by layer`, table: fidelityTable(run) },
  ];
}

/** One row per layer. */
export function fidelityTable({ layers }: FidelityRun): Table {
  return {
    columns: columns("Layer", "Oracle"),
    rows: layers.map((layer) => [String(layer.layer), String(layer.oracle), ...shares(layer)]),
  };
}

function shares({ mass, blocks }: Pick<FidelityLayer, "mass" | "blocks">): string[] {
  return [
    mass.inherited,
    mass.inheritedLow,
    mass.inheritedOrWindow,
    mass.own,
    mass.ownOrWindow,
    mass.recent,
    mass.random,
    mass.window,
    blocks.inherited,
    blocks.random,
  ].map(percent);
}

/** How the columns are to be read. */
export const FIDELITY_READING =
  "Shares of a layer's own attention over everything it could see, means over queries and heads: inside the blocks that it " +
  "inherits (one query and head in ten is below the second figure), inside as many blocks of its own choice, which is about " +
  "the most that so many can hold, inside as many of the newest and of random ones, and inside the sliding window. The " +
  "third and fifth column add the window to the blocks. The last two are the share of the layer's own top blocks that it " +
  "inherits, and what random blocks would give.";
