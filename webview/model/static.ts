import type { PanelState } from "../../src/protocol/panel.ts";
import type { Table } from "../../src/report/tables.ts";
import { restoreUi } from "../ui-state.ts";
import { aboutModel } from "./about.ts";
import { checksModel } from "./checks.ts";
import { curvesModel } from "./curves.ts";
import { headlineModel } from "./headline.ts";
import { kvModel } from "./kv.ts";
import { latencyModel, PHASES } from "./latency.ts";
import { mapModel } from "./map.ts";
import { oracleMapModel, pairTables } from "./oracle-map.ts";
import type { NamedTable } from "./named-table.ts";
import { SECTIONS, undrawn, type SectionId } from "./sections.ts";
import { textModel } from "./text.ts";

/** A section without anything that moves: sentences, then tables, then notes on them. */
export interface StaticSection {
  readonly title: string;
  readonly paragraphs: readonly string[];
  readonly tables: readonly NamedTable[];
  readonly notes: readonly string[];
}

type Content = Partial<Omit<StaticSection, "title">>;

const UI = restoreUi(undefined);

/** What the sections say, from the same models that they are drawn from, for readers without scripts. */
const CONTENTS: readonly (readonly [SectionId, (state: PanelState) => Content | undefined])[] = [
  ["headline", headline],
  ["latency", latency],
  ["memory", memory],
  ["selection", selection],
  ["text", text],
  ["checks", checks],
  ["oracleMap", oracleMap],
  ["lengths", lengths],
  ["about", about],
];

/** The sections of a page; one that cannot be made says so, and the others are there. */
export function staticSections(state: PanelState): StaticSection[] {
  return CONTENTS.flatMap(([id, make]) => {
    const { title } = SECTIONS[id];
    const none = { paragraphs: [], tables: [], notes: [] };
    try {
      const made = make(state);
      return made === undefined ? [] : [{ title, ...none, ...made }];
    } catch (error) {
      return [{ title, ...none, paragraphs: [undrawn(error)] }];
    }
  });
}

function headline(state: PanelState): Content | undefined {
  const model = headlineModel(state);
  if (!model) return undefined;
  return {
    paragraphs: [...model.warnings, model.lead, ...model.more],
    tables: [
      {
        caption: "Figures of each variant",
        table: {
          columns: columns(["Variant"], model.columns),
          rows: model.rows.map(({ name, figures }) => [
            name,
            ...figures.map(({ text: figure, range }) => (range === undefined ? figure : `${figure} (${range})`)),
          ]),
        },
      },
    ],
    notes: [model.device],
  };
}

function latency(state: PanelState): Content | undefined {
  const first = latencyModel(state, UI);
  if (!first) return undefined;
  const models = first.phases.map((phase) => latencyModel(state, { ...UI, phase })!);
  return {
    paragraphs: models.map(({ message }) => message),
    tables: [
      ...first.common,
      ...models.flatMap(({ phase, tables }) =>
        tables.map(({ caption, table }) => ({ caption: `${PHASES[phase]}. ${caption}`, table })),
      ),
    ],
    notes: first.reading,
  };
}

function memory(state: PanelState): Content | undefined {
  const model = kvModel(state);
  if (!model) return undefined;
  const { message, ledger, tables, note, legend } = model;
  return {
    paragraphs: [message],
    tables: [ledger, ...tables],
    notes: [...legend.map(({ name, meaning }) => `${name}: ${meaning}`), note],
  };
}

function selection(state: PanelState): Content | undefined {
  const model = mapModel(state);
  return model && { paragraphs: [model.message], tables: [model.chosen] };
}

function text(state: PanelState): Content | undefined {
  const model = textModel(state);
  if (!model) return undefined;
  return {
    paragraphs: [model.message, ...(model.whyNoText === undefined ? [] : [model.whyNoText])],
    tables: [
      {
        caption: `Most attended passages (${model.queries})`,
        table: places(model.passages.map(({ place, facts, words }) => [place, facts, words])),
      },
    ],
    notes: [model.reading],
  };
}

function checks(state: PanelState): Content | undefined {
  const model = checksModel(state);
  if (!model) return undefined;
  const { swaps, coverage } = model;
  return {
    paragraphs: [
      model.message,
      ...model.more,
      ...(coverage?.runs.flatMap(({ chart, sentences }) => sentences.map((said) => `${chart.caption}: ${said}`)) ?? []),
    ],
    tables: [
      ...(swaps === undefined
        ? []
        : [
            swaps.table,
            {
              caption: "Where random blocks cost most",
              table: places(swaps.places.map(({ name, facts, words }) => [name, facts, words])),
            },
          ]),
      ...(coverage?.tables ?? []),
    ],
    notes: [
      ...(swaps === undefined ? [] : [swaps.scope, swaps.method, ...swaps.meanings]),
      ...(swaps?.placesNote === undefined ? [] : [swaps.placesNote]),
      ...(coverage === undefined ? [] : [...coverage.reading, coverage.method]),
    ],
  };
}

function oracleMap(state: PanelState): Content | undefined {
  const model = oracleMapModel(state, UI);
  const map = state.report?.oracleMap;
  if (!model || !map) return undefined;
  return {
    paragraphs: [model.message, ...model.more],
    tables: [model.layers, ...pairTables(map)],
    notes: [...model.reading, model.method],
  };
}

function lengths(state: PanelState): Content | undefined {
  const model = curvesModel(state);
  if (!model) return undefined;
  return {
    paragraphs: [model.message, ...model.notes],
    tables: model.tables,
    notes: model.method === undefined ? [] : [model.method],
  };
}

function about(state: PanelState): Content | undefined {
  const model = aboutModel(state);
  if (!model) return undefined;
  const rows = [...model.rows, ...model.repeats].map(({ name, text: said }) => [name, said]);
  return {
    tables: [{ caption: "The run", table: { columns: columns(["What", "Value"]), rows } }],
    notes: model.notes,
  };
}

/** Places of the document; the last column is empty where its words are not known. */
function places(rows: readonly (readonly [place: string, facts: string, words: string | undefined])[]): Table {
  return {
    columns: columns(["Where", "What was found", "Words"]),
    rows: rows.map(([place, facts, words]) => [place, facts, words ?? ""]),
  };
}

function columns(words: readonly string[], numbers: readonly string[] = []): Table["columns"] {
  return [...words.map((title) => ({ title, numeric: false })), ...numbers.map((title) => ({ title, numeric: true }))];
}
