import { halfToNumber } from "../model/float16.ts";
import type { Cursor } from "../protocol/panel.ts";
import type { OracleTable, SelectionTable } from "../protocol/selection-table.ts";

type OracleCursor = Cursor["oracles"][number];

/**
 * What the token at a place in the text selects. `offset` is a UTF-16 offset; where several tokens share a character it
 * means the last of them, which has read all of it, and at the very end of the profiled text the last token. `lineOf` gives
 * the 1-based line of an offset. Undefined beyond the profiled text.
 *
 * Per oracle, its KV heads' blocks are merged: ascending, each with the number of heads that select it and the highest of
 * their scores. Of the token's own block only what stands before it can be read.
 *
 * `unreadableTokens` counts the tokens before it that no sparse layer can read for it: outside the sliding window, and in
 * no block that any KV head of any oracle with sparse layers selects. It is the intersection over hybrid blocks: a sparse
 * layer reads through its own oracle only, and each query head through its own KV head, so what one hybrid block, or one
 * head, cannot read is never less. Full layers read everything. Where nothing is sparse it is 0.
 *
 * Binary search over the tokens, then work that grows with oracles, heads and slots only.
 */
export function cursorAt(
  table: SelectionTable,
  offset: number,
  lineOf: (offset: number) => number,
): Cursor | undefined {
  const { tokens, tokenStarts, window } = table;
  const end = tokenStarts[tokens]!;
  if (!Number.isInteger(offset) || offset < 0 || offset > end) return undefined;
  const token = tokenAt(tokenStarts, tokens, offset);
  const oracles = table.oracles.map((oracle) => merged(oracle, token));
  const firstInWindow = Math.max(0, token + 1 - window);
  const start = tokenStarts[token]!;
  return {
    token,
    start,
    end: tokenStarts[token + 1]!,
    line: lineOf(start),
    oracles,
    windowStart: tokenStarts[firstInWindow]!,
    unreadableTokens: unreadable(oracles, firstInWindow, table.block),
  };
}

/** The last token that starts at or before `offset`; the very last where `offset` is the end of the text. */
function tokenAt(starts: Uint32Array, tokens: number, offset: number): number {
  let low = 0;
  let high = tokens;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle;
  }
  return low;
}

function merged(oracle: OracleTable, token: number): OracleCursor {
  const { layer, kvHeads, slots, blocks, scores } = oracle;
  const none = blocks instanceof Uint16Array ? 0xffff : 0xffffffff;
  const found = new Map<number, { heads: number; score: number }>();
  for (let head = 0; head < kvHeads; head++) {
    const from = (token * kvHeads + head) * slots;
    for (let i = from; i < from + slots && blocks[i] !== none; i++) {
      const score = halfToNumber(scores[i]!);
      const before = found.get(blocks[i]!);
      found.set(blocks[i]!, { heads: (before?.heads ?? 0) + 1, score: Math.max(before?.score ?? 0, score) });
    }
  }
  return {
    layer,
    feeds: oracle.feeds,
    blocks: [...found].map(([block, { heads, score }]) => ({ block, heads, score })).sort((a, b) => a.block - b.block),
  };
}

/** Tokens 0 .. firstInWindow - 1 that lie in no selected block: the window reaches the rest. */
function unreadable(oracles: readonly OracleCursor[], firstInWindow: number, block: number): number {
  const feeding = oracles.filter(({ feeds }) => feeds.length > 0);
  if (feeding.length === 0) return 0;
  let left = firstInWindow;
  for (const index of new Set(feeding.flatMap(({ blocks }) => blocks.map((chosen) => chosen.block)))) {
    left -= Math.max(0, Math.min((index + 1) * block, firstInWindow) - index * block);
  }
  return left;
}
