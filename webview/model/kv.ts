import type { Fill } from "../../src/designs/look.ts";
import { MIXER_IDS, MIXERS } from "../../src/designs/mixers.ts";
import type { Variant } from "../../src/engine/engine.ts";
import type { PanelState } from "../../src/protocol/panel.ts";
import type { LayerReport, Report, VariantReport } from "../../src/protocol/report.ts";
import { variantsOf } from "../../src/report/breakdown.ts";
import { bytes, byteUnit, count, type Unit } from "../../src/text/format.ts";
import { growthOf, type Growth } from "../../src/report/growth.ts";
import { keepingAll, planIn } from "../../src/report/plan.ts";
import { VARIANT_NAMES, VARIANT_WORDS } from "../../src/report/names.ts";
import type { Table } from "../../src/report/tables.ts";
import { layerNames, type BarsModel } from "./bars.ts";
import type { NamedTable } from "./named-table.ts";
import { largest } from "../../src/profile/extremes.ts";

export interface KvModel {
  readonly message: string;
  readonly legend: readonly { readonly fill: Fill; readonly name: string; readonly meaning: string }[];
  readonly charts: readonly BarsModel[];
  /** Always shown: what each variant holds, how it grows and where it ends. */
  readonly ledger: NamedTable;
  /** How the length at which the device is full was found. */
  readonly note: string;
  readonly tables: readonly NamedTable[];
}

export function kvModel({ report }: PanelState): KvModel | undefined {
  if (!report || variantsOf(report).length === 0) return undefined;
  const kinds = new Set(variantsOf(report).flatMap(({ data }) => data.layers.map(({ kind }) => kind)));
  const highest = largest(variantsOf(report).flatMap(({ data }) => data.layers.map(({ kvBytes }) => kvBytes)));
  const unit = byteUnit(highest);
  const growth = growthOf(report);
  return {
    message: messageOf(report),
    legend: MIXER_IDS.filter((kind) => kinds.has(kind)).map((kind) => MIXERS[kind].role),
    charts: variantsOf(report).map(({ name, data }) => bars(name, data, report, unit, highest)),
    ledger: { caption: "KV cache of the whole context, all layers", table: ledger(report, growth) },
    note: growth.note,
    tables: variantsOf(report).map(({ name, data }) => ({
      caption: `${VARIANT_NAMES[name]}: what each layer keeps`,
      table: layerLedger(data),
    })),
  };
}

/** "At 3,982 tokens HySparse holds 16.7 MiB, full attention 50.6 MiB." */
function messageOf(report: Report): string {
  const held = variantsOf(report).map(({ name, data }) => `${VARIANT_WORDS[name]} ${bytes(data.totals.kvBytes)}`);
  return `KV cache at ${count(report.document.tokens)} tokens: ${held.join(", ")}.`;
}

function bars(variant: Variant, data: VariantReport, report: Report, unit: Unit, largest: number): BarsModel {
  const caption = VARIANT_NAMES[variant];
  const owners = keepingAll(planIn(report, variant));
  return {
    id: `kv-${variant}`,
    caption: `${caption}, ${bytes(data.totals.kvBytes)}`,
    label:
      `KV memory by layer, ${caption}: ${bytes(data.totals.kvBytes)} in total, ${owners} of ${data.layers.length} layers ` +
      "keep every token.",
    direction: "up",
    smallest: 3,
    axis: unit.name,
    top: largest / unit.size,
    categories: layerNames(report),
    titles: data.layers.map((layer) => `Layer ${layer.index}, ${MIXERS[layer.kind].role.name}`),
    series: MIXER_IDS.filter((mixer) => data.layers.some(({ kind }) => kind === mixer)).map((mixer) => ({
      fill: MIXERS[mixer].role.fill,
      name: MIXERS[mixer].role.name,
      values: data.layers.map(({ kind, kvBytes }) => (kind === mixer ? kvBytes / unit.size : null)),
    })),
    texts: data.layers.map((layer) => [
      `${bytes(layer.kvBytes)} allocated`,
      agreement(layer.kvBytes, layer.kvBytesPredicted),
      ...(layer.kvBorrowedFrom === undefined ? [] : [`reads blocks of layer ${layer.kvBorrowedFrom}`]),
      ...(layer.chosenBy === undefined ? [] : [`reads where layer ${layer.chosenBy} chose`]),
    ]),
  };
}

function agreement(allocated: number, predicted: number): string {
  return allocated === predicted ? "matches the formula" : `${bytes(predicted)} by the formula`;
}

function ledger(report: Report, growth: Growth): Table {
  return {
    columns: [
      { title: "Variant", numeric: false },
      { title: "Allocated", numeric: true },
      { title: "By formula", numeric: true },
      { title: "Per 1,000\nmore tokens", numeric: true },
      { title: "Full at about,\ntokens", numeric: true },
    ],
    rows: variantsOf(report).map(({ name, data: { totals } }) => {
      const row = growth.rows.find(({ variant }) => variant === name);
      return [
        VARIANT_NAMES[name],
        bytes(totals.kvBytes),
        totals.kvBytesPredicted === totals.kvBytes ? "same" : bytes(totals.kvBytesPredicted),
        row ? bytes(row.bytesPerThousand) : "-",
        row?.fullTokens === undefined ? (row?.fullAt ?? "unknown") : count(Number(row.fullTokens.toPrecision(2))),
      ];
    }),
  };
}

function readsText({ kvBorrowedFrom, chosenBy }: LayerReport): string {
  if (kvBorrowedFrom !== undefined) return `blocks of layer ${kvBorrowedFrom}, own window`;
  return chosenBy === undefined ? "own cache" : `own cache where layer ${chosenBy} chose`;
}

function layerLedger(data: VariantReport): Table {
  let sum = 0;
  return {
    columns: [
      { title: "Layer", numeric: true },
      { title: "Role", numeric: false },
      { title: "Reads", numeric: false },
      { title: "Allocated", numeric: true },
      { title: "By formula", numeric: true },
      { title: "Cumulative", numeric: true },
    ],
    rows: data.layers.map((layer) => {
      sum += layer.kvBytes;
      return [
        String(layer.index),
        MIXERS[layer.kind].role.name,
        readsText(layer),
        bytes(layer.kvBytes),
        layer.kvBytes === layer.kvBytesPredicted ? "same" : bytes(layer.kvBytesPredicted),
        bytes(sum),
      ];
    }),
  };
}
