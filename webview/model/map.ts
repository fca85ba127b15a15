import type { Cursor, PanelState } from "../../src/protocol/panel.ts";
import type { Report } from "../../src/protocol/report.ts";
import { count, percent, plural, score } from "../../src/report/format.ts";
import { QUERY_WORDS } from "../../src/report/names.ts";
import { blockIn, selectedIn } from "../../src/report/plan.ts";
import { selectionTable, type Table } from "../../src/report/tables.ts";
import { blocksOf, type Block } from "./blocks.ts";
import { hasEditor } from "./exported.ts";
import type { NamedTable } from "./named-table.ts";
import { whyNoLinks } from "./place.ts";
import { largest } from "../../src/profile/extremes.ts";

/** One oracle's row of the map. */
export interface OracleRow {
  readonly layer: number;
  /** "Layer 4 for layers 5-7". */
  readonly name: string;
  /** "Layer 4", before its row. */
  readonly short: string;
  readonly kvHeads: number;
  /** Per block: how many KV heads chose it for the last token. */
  readonly last: readonly number[];
  /** Per block: the share of pairs of query and KV head, among those that could choose it, that did. */
  readonly share?: readonly number[];
}

export interface MapModel {
  readonly message: string;
  readonly blocks: readonly Block[];
  readonly rows: readonly OracleRow[];
  /** Contrast, 0 .. 1, per block. */
  readonly importance?: { readonly name: string; readonly weights: readonly number[] };
  /** The share that fills a cell: the highest of all but the first block, which nearly every query takes. */
  readonly top: number;
  readonly hint: string;
  readonly unlinked?: string;
  /** A row per block. */
  readonly table: NamedTable;
  /** A row per oracle and KV head. */
  readonly chosen: NamedTable;
}

/** Undefined where no selection is known or it means nothing. */
export function mapModel(state: PanelState): MapModel | undefined {
  const { report } = state;
  const selection = report?.selection;
  if (!report || !selection || selection.oracles.length === 0 || report.model.weights === "synthetic") return undefined;
  const blocks = blocksOf(state);
  const rows = selection.oracles.map((oracle) => rowOf(report, oracle, blocks.length));
  const shares = rows.flatMap(({ share }) => share?.slice(1) ?? []);
  const why = whyNoLinks(state);
  return {
    message: messageOf(report, rows, blocks),
    blocks,
    rows,
    ...(report.importance
      ? {
          importance: {
            name: `Importance for ${QUERY_WORDS[report.importance.queries]}`,
            weights: report.importance.ranges.map(({ weight }) => weight),
          },
        }
      : {}),
    top: largest(shares, 1e-9),
    hint:
      "Point at a block, or tab to the map and use the arrow keys." +
      (why === undefined ? ` A click or Enter shows it in the ${hasEditor(state) ? "editor" : "text"}.` : ""),
    table: { caption: "Blocks of the document", table: mapTable(blocks, rows, report) },
    chosen: { caption: "Blocks chosen for the last token, by KV head", table: selectionTable(report) },
    ...(why === undefined ? {} : { unlinked: why }),
  };
}

type Oracle = NonNullable<Report["selection"]>["oracles"][number];

function rowOf(report: Report, { layer, feeds, queries, timesSelected }: Oracle, blocks: number): OracleRow {
  const { kvHeads, block } = selectedIn(report);
  const last = new Array<number>(blocks).fill(0);
  for (const head of queries.at(-1)?.heads ?? []) {
    for (const chosen of head.blocks) if (chosen < blocks) last[chosen]!++;
  }
  return {
    layer,
    name: `Layer ${layer} for layers ${span(feeds)}`,
    short: `Layer ${layer}`,
    kvHeads,
    last,
    ...(timesSelected
      ? {
          share: timesSelected
            .slice(0, blocks)
            .map((times, index) => Math.min(1, times / ((report.document.tokens - index * block) * kvHeads))),
        }
      : {}),
  };
}

/** [1, 2, 3] as "1-3". */
function span(layers: readonly number[]): string {
  const [first, last] = [layers[0], layers.at(-1)];
  if (first === undefined || last === undefined) return "none";
  if (layers.length > 1 && last - first === layers.length - 1) return `${first}-${last}`;
  return layers.join(", ");
}

function messageOf(report: Report, rows: readonly OracleRow[], blocks: readonly Block[]): string {
  const chosen = blocks.filter((_, block) => rows.some(({ last }) => last[block]! > 0)).length;
  return (
    `For the last token, the ${plural(rows.length, "selecting layer")} together chose ${count(chosen)} of ` +
    `${plural(blocks.length, "block")} of ${blockIn(report)} tokens.`
  );
}

/** The blocks of one row that are chosen, per block the number of KV heads: for the cursor's token or the last one. */
export function chosenIn(model: MapModel, row: number, cursor: Cursor | undefined): readonly number[] {
  const of = model.rows[row]!;
  if (!cursor) return of.last;
  const heads = new Array<number>(model.blocks.length).fill(0);
  const oracle = cursor.oracles.find(({ layer }) => layer === of.layer);
  for (const { block, heads: times } of oracle?.blocks ?? []) if (block < heads.length) heads[block] = times;
  return heads;
}

/** "the last token", or "the token at the cursor, line 12". */
export function querySaid(cursor: Cursor | undefined): string {
  return cursor ? `the token at the cursor, line ${count(cursor.line)}` : "the last token";
}

/** Everything known of a cell, a line each. The row after the oracles is importance. */
export function cellText(model: MapModel, row: number, block: number, cursor: Cursor | undefined): string[] {
  const { place, words } = model.blocks[block]!;
  const lines = [`Block ${count(block)}, ${place}`];
  const of = model.rows[row];
  if (of) {
    const heads = chosenIn(model, row, cursor)[block]!;
    lines.push(
      `${of.name}: ${heads === 0 ? "not chosen" : `chosen by ${headsText(heads, of.kvHeads)}`} for ${querySaid(cursor)}`,
    );
    if (of.share)
      lines.push(`over the whole document: chosen in ${percent(of.share[block]!)} of the cases where it could be`);
  }
  if (model.importance)
    lines.push(`${model.importance.name}: ${percent(model.importance.weights[block]!)} of the highest`);
  if (words !== undefined && words !== "") lines.push(words);
  return lines;
}

function headsText(heads: number, of: number): string {
  if (of === 1) return "its KV head";
  if (of === 2) return heads === 2 ? "both KV heads" : "one of two KV heads";
  return heads === of ? `all ${of} KV heads` : `${heads} of ${of} KV heads`;
}

/** The map's twin: a row per block. */
function mapTable(blocks: readonly Block[], oracles: readonly OracleRow[], report: Report): Table {
  return {
    columns: [
      { title: "Block", numeric: true },
      { title: "Where", numeric: false },
      ...oracles.flatMap(({ layer, share }) => [
        { title: `Layer ${layer},\nlast token`, numeric: true },
        ...(share ? [{ title: `layer ${layer},\nall tokens`, numeric: true }] : []),
      ]),
      ...(report.importance
        ? [
            { title: "Score", numeric: true },
            { title: "Expected", numeric: true },
            { title: "Importance", numeric: true },
          ]
        : []),
    ],
    rows: blocks.map(({ place }, block) => {
      const range = report.importance?.ranges[block];
      return [
        String(block),
        place,
        ...oracles.flatMap(({ last, kvHeads, share }) => [
          last[block] === 0 ? "-" : `${last[block]} of ${kvHeads}`,
          ...(share ? [percent(share[block]!)] : []),
        ]),
        ...(range ? [score(range.score), score(range.average), percent(range.weight)] : []),
      ];
    }),
  };
}
