import type { PanelState } from "../../src/protocol/panel.ts";
import type { OracleMap } from "../../src/protocol/oracle-map.ts";
import {
  MAP_MEANINGS,
  MAP_MEASURE_NAMES,
  MAP_MEASURES,
  mapFinding,
  mapTable,
  pairsTable,
  valueOf,
  valueText,
  type MapMeasure,
} from "../../src/report/oracle-map.ts";
import { sentence } from "../../src/text/format.ts";
import type { UiState } from "../ui-state.ts";
import type { NamedTable } from "./named-table.ts";

/** One pair of layers. */
export interface PairCell {
  /** Short enough for a narrow column. */
  readonly text: string;
  /** 0 .. 1: how deep its colour is. */
  readonly depth: number;
  readonly title: string;
}

/** How much of each layer's attention lies where earlier layers chose. */
export interface OracleMapModel {
  readonly message: string;
  readonly more: readonly string[];
  readonly measure: MapMeasure;
  readonly measures: readonly { readonly value: MapMeasure; readonly label: string }[];
  readonly caption: string;
  /** By later layer, then by source 0 .. that layer. */
  readonly cells: readonly (readonly PairCell[])[];
  readonly layers: NamedTable;
  readonly reading: readonly string[];
  readonly method: string;
}

/** Undefined where it was not measured. */
export function oracleMapModel({ report }: PanelState, { measure }: UiState): OracleMapModel | undefined {
  const map = report?.oracleMap;
  if (map === undefined) return undefined;
  const [message = "", ...more] = mapFinding(map);
  return {
    message,
    more,
    measure,
    measures: MAP_MEASURE_NAMES.map((value) => ({ value, label: MAP_MEASURES[value] })),
    caption: captionOf(map, measure),
    cells: cells(map, measure),
    layers: { caption: `Every layer, ${map.k} tokens`, table: mapTable(map) },
    reading: MAP_MEASURE_NAMES.map((name) => `${sentence(MAP_MEASURES[name]).slice(0, -1)}: ${MAP_MEANINGS[name]}.`),
    method: sentence(map.method),
  };
}

/** Every pair as tables, for readers without scripts. */
export function pairTables(map: OracleMap): NamedTable[] {
  return MAP_MEASURE_NAMES.map((measure) => ({ caption: captionOf(map, measure), table: pairsTable(map, measure) }));
}

function captionOf({ k, block, window }: OracleMap, measure: MapMeasure): string {
  const unit = measure === "error" ? "thousandths" : "%";
  return (
    `${sentence(MAP_MEASURES[measure]).slice(0, -1)}, ${unit}: a row for each layer, a column for each layer whose ${k} tokens ` +
    `it would read (blocks of ${block}, window ${window}); the last of a row is its own choice`
  );
}

function cells(map: OracleMap, measure: MapMeasure): PairCell[][] {
  const layers = map.parts.map((_, layer) => layer);
  const values = layers.map((layer) =>
    layers.slice(0, layer + 1).map((source) => valueOf(map, measure, source, layer)),
  );
  // Errors differ by orders of magnitude; shares go from 0 to 1 on every page.
  const most = measure === "error" ? Math.max(...values.flat().map((value) => value ?? 0)) : 1;
  const depth = (value: number): number => (measure === "error" ? Math.sqrt(value / most) : value);
  return values.map((row, layer) =>
    row.map((value, source) => {
      const text = valueText(map, measure, source, layer);
      const whose = source === layer ? "its own choice" : `layer ${source}'s choice`;
      return {
        text: text.replace(" %", ""),
        depth: value === undefined || most === 0 ? 0 : depth(value),
        title: `layer ${layer}, ${whose}: ${MAP_MEASURES[measure]} ${text}`,
      };
    }),
  );
}
