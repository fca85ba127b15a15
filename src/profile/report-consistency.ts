import { FIDELITY_DESIGNS, parametersProblem } from "../designs/designs.ts";
import { VARIANTS } from "../engine/engine.ts";
import { blockIn, planIn, selectingIn } from "../report/plan.ts";
import type { LayerReport, Report, Samples, VariantReport } from "../protocol/report.ts";

/** Two parts of a report that cannot both be right: the field's path, and what is wrong with it. */
export interface Inconsistency {
  readonly path: string;
  readonly problem: string;
}

/**
 * What the fields of a report contradict one another in; empty for every report that a profile writes. The schema looks at
 * each field alone: readers count on what is checked here (a range for each block, layers for each variant), so this is asked
 * wherever a report is read.
 */
export function inconsistencies(report: Report): Inconsistency[] {
  return [...rules(report)];
}

type Rules = Generator<Inconsistency>;

function* rules(report: Report): Rules {
  const unusable = [...parameterRules(report)];
  yield* unusable;
  // What the others look at follows from them.
  if (unusable.length > 0) return;
  yield* documentRules(report);
  yield* modelRules(report);
  yield* variantRules(report);
  yield* selectionRules(report);
  yield* importanceRules(report);
  yield* checkRules(report);
  yield* oracleMapRules(report);
  yield* sweepRules(report);
}

/** Yields one complaint when it does not hold. */
function* must(holds: boolean, path: string, problem: () => string): Rules {
  if (!holds) yield { path, problem: problem() };
}

function blocksOf(report: Report): number {
  return Math.ceil(report.document.tokens / blockIn(report));
}

function* documentRules(report: Report): Rules {
  const { document } = report;
  const { blockRanges, characters, tokens, totalTokens, text } = document;
  const blocks = blocksOf(report);
  yield* must(tokens > 0, "document.tokens", () => "a profile of no tokens says nothing");
  yield* must(tokens <= totalTokens, "document.tokens", () => `more than all ${totalTokens} of the document`);
  yield* must(
    blockRanges.length === blocks,
    "document.blockRanges",
    () => `${blockRanges.length} ranges, where ${tokens} tokens in blocks of ${blockIn(report)} are ${blocks}`,
  );
  yield* rangesRules("document.blockRanges", blockRanges, characters);
  yield* must(
    text === undefined || text.length === characters,
    "document.text",
    () => `${text?.length ?? 0} characters, where document.characters says ${characters}`,
  );
}

function* parameterRules({ model, variants }: Report): Rules {
  for (const name of VARIANTS) {
    const parameters = variants[name]?.parameters;
    if (parameters === undefined) continue;
    const problem = parametersProblem(model.architecture, name, parameters);
    yield* must(problem === undefined, `variants.${name}.parameters`, () => problem ?? "");
  }
}

/** Ranges that ascend and lie inside the text. A token may end inside a character, so neighbours may overlap. */
function* rangesRules(path: string, ranges: readonly (readonly [number, number])[], characters: number): Rules {
  let before = 0;
  for (const [i, [start, end]] of ranges.entries()) {
    if (start <= end && start >= before && end <= characters) {
      before = start;
      continue;
    }
    const problem = `[${start}, ${end}) is not after the range before it and inside the ${characters} characters`;
    yield { path: `${path}[${i}]`, problem };
    return;
  }
}

function* modelRules({ model }: Report): Rules {
  const { schedule, architecture } = model;
  yield* must(
    schedule.length === architecture.layers,
    "model.schedule",
    () => `${schedule.length} layers, where the architecture has ${architecture.layers}`,
  );
  yield* must(schedule[0] !== "sparse", "model.schedule[0]", () => "a sparse layer has no full layer before it");
}

function* variantRules(report: Report): Rules {
  const partial = report.partial !== undefined;
  yield* must(
    partial || VARIANTS.some((name) => report.variants[name] !== undefined),
    "variants",
    () => "none was measured",
  );
  for (const name of report.settings.variants) {
    yield* must(
      partial || report.variants[name] !== undefined,
      `variants.${name}`,
      () => "missing, though settings.variants asks for it",
    );
  }
  for (const name of VARIANTS) {
    const data = report.variants[name];
    if (data === undefined) continue;
    const asked = report.settings.variants.includes(name);
    yield* must(asked, `variants.${name}`, () => "measured, though settings.variants does not ask for it");
    yield* oneVariantRules(report, data, `variants.${name}`);
  }
}

function* oneVariantRules({ model }: Report, { layers, totals }: VariantReport, path: string): Rules {
  const expected = model.schedule.length;
  yield* must(
    layers.length === expected,
    `${path}.layers`,
    () => `${layers.length} layers, where the model has ${expected}`,
  );
  for (const [i, layer] of layers.entries()) {
    const at = `${path}.layers[${i}]`;
    yield* must(layer.index === i, `${at}.index`, () => `${layer.index} stands at place ${i}`);
    yield* lenderRules(layers, layer, at);
    yield* samplesRules(layer.prefill, `${at}.prefill`);
    if (layer.decode !== undefined) yield* samplesRules(layer.decode, `${at}.decode`);
  }
  const sum = (of: (layer: LayerReport) => number): number => layers.reduce((all, layer) => all + of(layer), 0);
  yield* must(
    totals.kvBytes === sum(({ kvBytes }) => kvBytes),
    `${path}.totals.kvBytes`,
    () => "not the sum over the layers",
  );
  yield* must(
    totals.kvBytesPredicted === sum(({ kvBytesPredicted }) => kvBytesPredicted),
    `${path}.totals.kvBytesPredicted`,
    () => "not the sum over the layers",
  );
  yield* between(totals.prefillMinMs, totals.prefillMs, totals.prefillMaxMs, `${path}.totals.prefillMs`);
  const { timePerOutputTokenMs: decode } = totals;
  yield* must(
    decode !== undefined || layers.every((layer) => layer.decode === undefined),
    `${path}.totals.timePerOutputTokenMs`,
    () => "missing, though layers have times of decoding",
  );
  if (decode === undefined) return;
  const { timePerOutputTokenMinMs: min = decode, timePerOutputTokenMaxMs: max = decode } = totals;
  yield* between(min, decode, max, `${path}.totals.timePerOutputTokenMs`);
}

function* lenderRules(layers: readonly LayerReport[], { index, ...layer }: LayerReport, at: string): Rules {
  for (const what of ["kvBorrowedFrom", "chosenBy"] as const) {
    const lender = layer[what];
    const good = lender === undefined || (lender < index && layers[lender]?.kind === "full");
    yield* must(good, `${at}.${what}`, () => `layer ${lender ?? 0} is not a full layer before it`);
  }
}

function* samplesRules(
  of: Samples & { readonly stages?: Readonly<Record<string, Samples | undefined>> },
  path: string,
): Rules {
  yield* between(of.minMs, of.medianMs, of.maxMs, `${path}.medianMs`);
  for (const [name, stage] of Object.entries(of.stages ?? {})) {
    if (stage !== undefined)
      yield* between(stage.minMs, stage.medianMs, stage.maxMs, `${path}.stages.${name}.medianMs`);
  }
}

function* between(min: number, median: number, max: number, path: string): Rules {
  yield* must(min <= median && median <= max, path, () => `${median} does not lie between ${min} and ${max}`);
}

function* selectionRules(report: Report): Rules {
  const { selection, model, document } = report;
  if (selection === undefined) return;
  const blocks = blocksOf(report);
  const { kvHeads } = model.architecture;
  const block = blockIn(report);
  const variant = selectingIn(report);
  const plan = variant === undefined ? [] : planIn(report, variant);
  yield* must(selection.block === block, "selection.block", () => `${selection.block}, where the design says ${block}`);
  const seen = new Set<number>();
  for (const [i, { layer, feeds, queries, timesSelected }] of selection.oracles.entries()) {
    const at = `selection.oracles[${i}]`;
    yield* must(plan[layer]?.scores === true, `${at}.layer`, () => `layer ${layer} is not a full layer of the model`);
    yield* must(!seen.has(layer), `${at}.layer`, () => `layer ${layer} is there twice`);
    seen.add(layer);
    const stray = feeds.find((fed) => !plan[layer]?.feeds.includes(fed));
    yield* must(stray === undefined, `${at}.feeds`, () => `layer ${stray ?? 0} does not read its blocks`);
    yield* must(
      timesSelected === undefined || timesSelected.length === blocks,
      `${at}.timesSelected`,
      () => `${timesSelected?.length ?? 0} numbers, where there are ${blocks} blocks`,
    );
    for (const [j, { token, heads }] of queries.entries()) {
      const query = `${at}.queries[${j}]`;
      yield* must(token < document.tokens, `${query}.token`, () => `token ${token} of ${document.tokens}`);
      yield* must(
        heads.length === kvHeads,
        `${query}.heads`,
        () => `${heads.length} heads, where the model has ${kvHeads}`,
      );
      for (const [k, head] of heads.entries()) yield* headRules(head, blocks, selection.slots, `${query}.heads[${k}]`);
    }
  }
}

interface Head {
  readonly blocks: readonly number[];
  readonly scores: readonly number[];
}

function* headRules({ blocks, scores }: Head, count: number, slots: number, at: string): Rules {
  yield* must(blocks.length <= slots, `${at}.blocks`, () => `${blocks.length} blocks in ${slots} slots`);
  yield* must(
    scores.length === blocks.length,
    `${at}.scores`,
    () => `${scores.length} scores for ${blocks.length} blocks`,
  );
  const wrong = blocks.find((block, i) => block >= count || (i > 0 && block <= blocks[i - 1]!));
  yield* must(wrong === undefined, `${at}.blocks`, () => `block ${wrong ?? 0} of ${count} is none, or out of order`);
}

function* importanceRules(report: Report): Rules {
  const { importance, document, model } = report;
  if (importance === undefined) return;
  const blocks = blocksOf(report);
  const { ranges, layers, passages } = importance;
  const path = "importance.ranges";
  yield* must(ranges.length === blocks, path, () => `${ranges.length} ranges, where there are ${blocks} blocks`);
  yield* rangesRules(
    path,
    ranges.map(({ start, end }) => [start, end] as const),
    document.characters,
  );
  for (const [i, { layer, scores }] of layers.entries()) {
    const at = `importance.layers[${i}]`;
    yield* must(model.schedule[layer] !== undefined, `${at}.layer`, () => `the model has no layer ${layer}`);
    yield* must(
      scores.length === blocks,
      `${at}.scores`,
      () => `${scores.length} scores, where there are ${blocks} blocks`,
    );
  }
  for (const [i, passage] of passages.entries()) yield* placeRules(report, passage, `importance.passages[${i}]`);
}

interface Place {
  readonly block: number;
  readonly start: number;
  readonly end: number;
  readonly startLine: number;
  readonly endLine: number;
}

function* placeRules(report: Report, { block, start, end, startLine, endLine }: Place, at: string): Rules {
  const { characters, lines } = report.document;
  const blocks = blocksOf(report);
  yield* must(block < blocks, `${at}.block`, () => `block ${block} of ${blocks}`);
  yield* must(
    start <= end && end <= characters,
    at,
    () => `[${start}, ${end}) is no range of ${characters} characters`,
  );
  // Line ends have been counted in more than one way, so the last line may lie behind the count of an older report.
  yield* must(startLine <= endLine, at, () => `it ends in line ${endLine}, before line ${startLine} of ${lines}`);
}

function* checkRules(report: Report): Rules {
  const { fidelity, swaps, model, document } = report;
  if (fidelity?.positions !== undefined) {
    const { positions, queries } = fidelity;
    const at = "fidelity.positions";
    yield* must(positions.length === queries, at, () => `${positions.length} positions of ${queries} queries`);
    yield* positionRules(document, positions, at);
  }
  for (const name of FIDELITY_DESIGNS) {
    for (const [i, { layer, oracle }] of (fidelity?.variants[name]?.layers ?? []).entries()) {
      const good = model.schedule[layer] !== undefined && model.schedule[oracle] === "full" && oracle < layer;
      const problem = (): string => `layer ${layer} cannot inherit from layer ${oracle} in this model`;
      yield* must(good, `fidelity.variants.${name}.layers[${i}]`, problem);
    }
  }
  if (swaps === undefined) return;
  const names = new Set(swaps.results.map(({ name }) => name));
  yield* must(names.size === swaps.results.length, "swaps.results", () => "the same replacement is there twice");
  yield* must(names.has("learned"), "swaps.results", () => "the learned selection is missing");
  for (const [i, { samples, addedLow, addedHigh }] of swaps.results.entries()) {
    const at = `swaps.results[${i}]`;
    yield* must(samples.length > 0, `${at}.samples`, () => "empty");
    yield* must(addedLow <= addedHigh, `${at}.addedLow`, () => `${addedLow} is above addedHigh, ${addedHigh}`);
  }
  for (const [i, place] of swaps.places.entries()) yield* placeRules(report, place, `swaps.places[${i}]`);
}

function* positionRules({ tokens }: Report["document"], positions: readonly number[], at: string): Rules {
  const stray = positions.find((position, i) => position >= tokens || position <= (positions[i - 1] ?? -1));
  yield* must(stray === undefined, at, () => `${stray ?? 0} is out of order or behind the ${tokens} tokens`);
}

function* oracleMapRules({ oracleMap: map, model, document }: Report): Rules {
  if (map === undefined) return;
  const layers = model.schedule.length;
  const lengths = (found: number, wanted: number, at: string): Rules =>
    must(found === wanted, `oracleMap.${at}`, () => `${found} entries, where the model's layers make it ${wanted}`);
  yield* positionRules(document, map.positions, "oracleMap.positions");
  yield* positionRules(document, map.errorPositions, "oracleMap.errorPositions");
  yield* lengths(map.parts.length, layers, "parts");
  yield* lengths(map.errors.length, layers - 1, "errors");
  for (const [i, { bySource }] of map.errors.entries()) yield* lengths(bySource.length, i + 2, `errors[${i}].bySource`);
  const known = map.budgets.some(({ k }) => k === map.k);
  yield* must(known, "oracleMap.k", () => `there is no budget of ${map.k} tokens`);
  for (const [i, budget] of map.budgets.entries()) {
    yield* lengths(budget.layers.length, layers, `budgets[${i}].layers`);
    for (const [layer, { mass, withWindow, rest, best }] of budget.layers.entries()) {
      const at = `budgets[${i}].layers[${layer}]`;
      for (const [name, values] of Object.entries({ mass, withWindow, rest, best })) {
        yield* lengths(values.length, layer + 1, `${at}.${name}`);
      }
    }
  }
}

function* sweepRules({ sweep, variants }: Report): Rules {
  let before = 0;
  for (const [i, point] of (sweep?.points ?? []).entries()) {
    const at = `sweep.points[${i}]`;
    yield* must(point.tokens > before, `${at}.tokens`, () => `${point.tokens} does not follow ${before}`);
    before = point.tokens;
    const strangers = VARIANTS.filter((name) => point.variants[name] !== undefined && variants[name] === undefined);
    yield* must(strangers.length === 0, `${at}.variants`, () => `${strangers.join(", ")} was not profiled`);
    const empty = VARIANTS.every((name) => point.variants[name] === undefined);
    yield* must(point.skipped === undefined || empty, `${at}.variants`, () => "measured, though the point was skipped");
  }
}
