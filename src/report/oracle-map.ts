import type { OracleMap } from "../protocol/oracle-map.ts";
import { percent, plural } from "../text/format.ts";
import type { Table } from "./tables.ts";

/** What is read off a map for a pair of layers. */
export const MAP_MEASURE_NAMES = ["rest", "mass", "withWindow", "best", "error"] as const;
export type MapMeasure = (typeof MAP_MEASURE_NAMES)[number];

export const MAP_MEASURES: Readonly<Record<MapMeasure, string>> = {
  rest: "rest",
  mass: "mass",
  withWindow: "mass with the window",
  best: "mass, best head",
  error: "output error",
};

export const MAP_MEANINGS: Readonly<Record<MapMeasure, string>> = {
  rest:
    "of a layer's attention outside the first block and the window, the share inside the source's blocks; what is left of " +
    "plain mass where much goes to the first token and to neighbours, which every choice holds",
  mass: "share of a layer's whole attention inside the source's blocks",
  withWindow: "the same inside those blocks or the window",
  best: "mass, where each KV head takes the choice of the source's KV head that serves it best",
  error:
    "how far the layer's output moves when it reads only the source's blocks and the window, squared, in thousandths of " +
    "its input's square: what anchors should be chosen by",
};

/** How far from chance to own choice two layers must bring each other to look at the same tokens. */
const SAME = 1 / 3;

/** Consecutive layers, from the first to the last. */
export interface Family {
  readonly from: number;
  readonly to: number;
}

/** The map at the budget that its errors are of. */
export function budgetOf({ budgets, k }: OracleMap): OracleMap["budgets"][number] {
  const found = budgets.find((budget) => budget.k === k);
  if (found === undefined) throw new Error(`the map has no budget of ${k} tokens`);
  return found;
}

/**
 * How much of the way from chance (0) to the layer's own choice (1) another layer's blocks bring it, in rest; beyond 1 where
 * they serve it better than its own.
 */
function gain(map: OracleMap, source: number, layer: number): number {
  const { rest, random } = budgetOf(map).layers[layer]!;
  const own = rest[layer]! - random.rest;
  return own <= 0 ? 0 : (rest[source]! - random.rest) / own;
}

/**
 * The cut of the layers into runs that is best in this sense: the sum of (gain - 1/3) over all pairs of one family is as high as
 * it can be.
 */
export function families(map: OracleMap): Family[] {
  const layers = budgetOf(map).layers.length;
  /** best[n]: the layers before n, cut in the best way. */
  const best: { readonly score: number; readonly cut: readonly Family[] }[] = [{ score: 0, cut: [] }];
  for (let end = 1; end <= layers; end++) {
    let within = 0;
    let chosen = { score: -Infinity, cut: [] as readonly Family[] };
    for (let from = end - 1; from >= 0; from--) {
      for (let later = from + 1; later < end; later++) within += gain(map, from, later) - SAME;
      const before = best[from]!;
      const score = before.score + within;
      if (score > chosen.score) chosen = { score, cut: [...before.cut, { from, to: end - 1 }] };
    }
    best.push(chosen);
  }
  return [...best[layers]!.cut];
}

/** What the map says, the families first. */
export function mapFinding(map: OracleMap): string[] {
  const found = families(map);
  const shared = found.filter(({ from, to }) => to > from);
  const { layers } = budgetOf(map);
  const later = layers.slice(1).map((layer, i) => ({ ...layer, layer: i + 1 }));
  const mean = (of: (layer: (typeof later)[number]) => number): string =>
    percent(later.reduce((sum, layer) => sum + of(layer), 0) / later.length);
  const named = found.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`));
  return [
    shared.length === 0
      ? "No two neighbouring layers look at much the same tokens."
      : `Layers fall into ${plural(found.length, "family", "families")} that each look at much the same tokens: ` +
        `${named.join(", ")}.`,
    ...(later.length === 0
      ? []
      : [
          `Of what lies in neither the first block nor the window, ${map.k} tokens of a layer's own choice hold ` +
            `${mean(({ rest, layer }) => rest[layer]!)} in the mean, those of the layer before it ` +
            `${mean(({ rest, layer }) => rest[layer - 1]!)}, the newest ${mean(({ newest }) => newest.rest)}, random ones ` +
            `${mean(({ random }) => random.rest)}.`,
        ]),
    "This is where layers look, not what reuse costs: a retrieval task may be lost at a loss that hardly shows.",
  ];
}

/** One row per layer, at the budget of the errors. */
export function mapTable(map: OracleMap): Table {
  const { layers } = budgetOf(map);
  const titles = [
    "Layer",
    "First\nblock",
    "Window",
    "Rest:\nown",
    "layer\nbefore",
    "newest",
    "random",
    "Mass:\nown",
    "layer\nbefore",
    "Error:\nown",
    "layer\nbefore",
    "newest",
  ];
  return {
    columns: titles.map((title) => ({ title, numeric: true })),
    rows: layers.map(({ rest, mass, newest, random }, layer) => {
      const { first, window } = map.parts[layer]!;
      const errors = map.errors[layer - 1];
      const before = (values: readonly number[]): string => (layer === 0 ? "-" : percent(values[layer - 1]!));
      return [
        String(layer),
        ...[first, window, rest[layer]!].map(percent),
        before(rest),
        ...[newest.rest, random.rest, mass[layer]!].map(percent),
        before(mass),
        ...(errors === undefined
          ? ["-", "-", "-"]
          : [errors.bySource[layer]!, errors.bySource[layer - 1]!, errors.newest].map(thousandths)),
      ];
    }),
  };
}

/** Every pair of layers at the budget of the errors: a row for each later layer, a column for each source. */
export function pairsTable(map: OracleMap, measure: MapMeasure): Table {
  const { layers } = budgetOf(map);
  return {
    columns: ["Layer", ...layers.map((_, source) => String(source))].map((title) => ({ title, numeric: true })),
    rows: layers.map((_, layer) => [
      String(layer),
      ...layers.map((_, source) => (source > layer ? "" : valueText(map, measure, source, layer))),
    ]),
  };
}

/** Of a pair of layers at the budget of the errors; undefined for errors of the first layer. */
export function valueOf(map: OracleMap, measure: MapMeasure, source: number, layer: number): number | undefined {
  if (measure === "error") return map.errors[layer - 1]?.bySource[source];
  return budgetOf(map).layers[layer]![measure][source]!;
}

export function valueText(map: OracleMap, measure: MapMeasure, source: number, layer: number): string {
  const value = valueOf(map, measure, source, layer);
  if (value === undefined) return "-";
  return measure === "error" ? thousandths(value) : percent(value);
}

function thousandths(error: number): string {
  return (1000 * error).toFixed(1);
}
