import assert from "node:assert/strict";
import type { ForcedBlocks } from "../../kernels/block-topk/block-topk.ts";
import type { BlockChoice } from "../../src/designs/plan.ts";
import type { Selection } from "../../src/engine/selection.ts";
import type { Trace } from "./trace.ts";

/** How far an engine may be from the reference. */
export interface Tolerance {
  /** Largest ||out - reference|| / ||reference|| of one position's layer output, scores or logits. */
  readonly tolerance: number;
  /**
   * Scores whose gap is below this share of the larger one are a tie: either block may be taken. Scores are exponentials
   * of logits, so this is the logits' absolute error that is forgiven. With 0 even equal scores must go the right way.
   */
  readonly tieGap: number;
}

/** What could not be judged, against all there was. */
export interface Coverage {
  /** Queries times oracles times KV heads. */
  queries: number;
  /** Those whose last selected and first refused block tie in the reference. */
  tied: number;
  /** Layer outputs of one position. */
  rows: number;
  /** Those after a tie that fell the other way: their inputs differ by right. */
  skippedRows: number;
}

/** ||a - b|| / ||b||; b must not be all zeros unless a is too. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length, "lengths differ");
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

/** Asserts that `values` are close to `expected`; anything not finite fails. */
export function assertClose(
  values: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  const error = relativeError(values, expected);
  assert.ok(error <= tolerance, `${what}: relative error ${error} exceeds ${tolerance}`);
}

/** Below this a 32-bit probability is a denormal or zero: blocks there tie whatever their ratio. */
const VANISHED = 1e-30;

/** A run as one engine saw it. */
export interface Run {
  readonly trace: Trace;
  readonly selection: Selection | undefined;
  /** Of the reference: whether a layer chose between blocks that tie for the query at a position, where no scores tell. */
  readonly tied?: (layer: number, position: number) => boolean;
  /** Of the reference: how blocks are chosen, where some are always read. */
  readonly choice?: BlockChoice | undefined;
}

/**
 * Holds a run against the reference's: every layer's output at every position, scores, selections, logits.
 *
 * Where the reference's scores tie, the engine may take the other block, and what follows differs by right: later layers
 * from that position on (earlier positions cannot see it). Those rows are skipped, and counted.
 */
export function assertSameRun(actual: Run, expected: Run, limits: Tolerance, coverage: Coverage, what: string): void {
  const tokens = expected.trace.outputs[0]!.length;
  assert.deepEqual(
    [...actual.trace.scores.keys()].sort((a, b) => a - b),
    [...expected.trace.scores.keys()].sort((a, b) => a - b),
    `${what}: full layers that told their scores`,
  );
  const oracles = pairOracles(actual.selection, expected.selection, what);
  /** Positions below this saw the same inputs so far. */
  let comparable = tokens;
  expected.trace.outputs.forEach((rows, layer) => {
    const name = `${what}, layer ${layer}`;
    const scores = expected.trace.scores.get(layer);
    if (scores !== undefined) {
      const actualScores = actual.trace.scores.get(layer)!;
      assert.equal(actualScores.length, tokens, `${name}: rows of scores`);
      for (let t = 0; t < comparable; t++) {
        scores[t]!.forEach((ofHead, head) =>
          assertClose(
            actualScores[t]![head]!,
            ofHead,
            limits.tolerance,
            `${name}, scores of query ${t}, KV head ${head}`,
          ),
        );
      }
    }
    assert.equal(actual.trace.outputs[layer]!.length, tokens, `${name}: positions`);
    // An oracle's own output does not depend on what it selected.
    coverage.rows += tokens;
    coverage.skippedRows += tokens - comparable;
    let agreed = comparable;
    for (let t = 0; t < comparable; t++) {
      const output = actual.trace.outputs[layer]![t]!;
      if (expected.tied?.(layer, t) === true && relativeError(output, rows[t]!) > limits.tolerance)
        agreed = Math.min(agreed, t);
      else assertClose(output, rows[t]!, limits.tolerance, `${name}, position ${t}`);
    }
    comparable = agreed;

    const pair = oracles.find(({ layer: oracle }) => oracle === layer);
    if (pair === undefined) return;
    assert.equal(pair.actual.length, tokens, `${name}: queries with a selection`);
    for (let t = 0; t < comparable; t++) {
      for (let head = 0; head < pair.expected.kvHeads; head++) {
        const chosen = pair.actual.at(t, head);
        const agrees = assertSelected(
          {
            ...{ chosen: chosen.blocks, expected: pair.expected.at(t, head).blocks, scores: scores![t]![head]! },
            forced: expected.choice?.forced,
          },
          limits.tieGap,
          coverage,
          `${name}, selection of query ${t}, KV head ${head}`,
        );
        const own = chosen.blocks.map((block) => actual.trace.scores.get(layer)![t]![head]![block]!);
        assertClose(chosen.scores, own, limits.tolerance, `${name}, query ${t}: scores kept with the selection`);
        if (!agrees) comparable = t;
      }
    }
  });
  if (comparable === tokens)
    assertClose(actual.trace.logits, expected.trace.logits, limits.tolerance, `${what}, logits`);
}

function pairOracles(
  actual: Selection | undefined,
  expected: Selection | undefined,
  what: string,
): { layer: number; actual: Selection["oracles"][number]; expected: Selection["oracles"][number] }[] {
  assert.equal(actual === undefined, expected === undefined, `${what}: has a selection`);
  if (actual === undefined || expected === undefined) return [];
  const describe = (s: Selection): unknown => s.oracles.map(({ layer, kvHeads, slots }) => ({ layer, kvHeads, slots }));
  assert.deepEqual(describe(actual), describe(expected), `${what}: oracles`);
  return expected.oracles.map((oracle, i) => ({ layer: oracle.layer, actual: actual.oracles[i]!, expected: oracle }));
}

interface Choice {
  readonly chosen: readonly number[];
  readonly expected: readonly number[];
  /** The reference's score of every visible block. */
  readonly scores: Float32Array;
  readonly forced: ForcedBlocks | undefined;
}

/** Asserts that a choice differs from the reference's only by blocks that tie; returns whether it does not differ. */
function assertSelected(
  { chosen, expected, scores, forced = { first: 0, last: 0 } }: Choice,
  tieGap: number,
  coverage: Coverage,
  what: string,
): boolean {
  assert.equal(chosen.length, expected.length, `${what}: count of blocks [${chosen.join()}], not [${expected.join()}]`);
  assert.ok(
    chosen.every((block, i) => block < scores.length && (i === 0 || block > chosen[i - 1]!)),
    `${what}: [${chosen.join()}] is not ascending below ${scores.length}`,
  );
  const rivals = expected.filter((block) => block >= forced.first && block < scores.length - forced.last);
  const last = Math.min(...rivals.map((block) => scores[block]!));
  const next = Math.max(0, ...scores.filter((_, block) => !expected.includes(block)));
  const close = (a: number, b: number): boolean =>
    Math.abs(a - b) < tieGap * Math.max(a, b) || (tieGap > 0 && Math.max(a, b) < VANISHED);
  const tied = expected.length < scores.length && close(last, next);
  coverage.queries++;
  if (tied) coverage.tied++;

  const extra = chosen.filter((block) => !expected.includes(block));
  const missing = expected.filter((block) => !chosen.includes(block));
  const forgiven =
    tied &&
    extra.every((block) => close(scores[block]!, last)) &&
    missing.every((block) => close(scores[block]!, next));
  if (extra.length > 0 && !forgiven) {
    assert.fail(`${what}: [${chosen.join()}], not [${expected.join()}]; scores [${scores.join(" ")}]`);
  }
  return extra.length === 0;
}
