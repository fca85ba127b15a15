import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Random } from "../../../kernels/random.ts";
import { halfToNumber, toHalves } from "../../../src/model/float16.ts";
import { cursorAt } from "../../../src/profile/follow.ts";
import { cursorSchema, type Cursor } from "../../../src/protocol/panel.ts";
import { selectionTableSchema, type OracleTable, type SelectionTable } from "../../../src/protocol/selection-table.ts";

interface Shape {
  readonly tokens: number;
  readonly block: number;
  readonly window: number;
  readonly slots: number;
  readonly kvHeads: number;
  readonly oracles: number;
  readonly wide?: boolean;
}

/** A table with random choices; every fifth token shares its first character with the one before it. */
function randomTable(shape: Shape, seed: number): SelectionTable {
  const random = new Random(seed);
  const { tokens, block, slots, kvHeads } = shape;
  const tokenStarts = new Uint32Array(tokens + 1);
  for (let t = 1; t <= tokens; t++) {
    tokenStarts[t] = tokenStarts[t - 1]! + (t % 5 === 0 && t < tokens ? 0 : 1 + random.integer(4));
  }
  const oracle = (_: unknown, index: number): OracleTable => {
    const size = tokens * kvHeads * slots;
    const blocks = (shape.wide === true ? new Uint32Array(size) : new Uint16Array(size)).fill(
      shape.wide === true ? 0xffffffff : 0xffff,
    );
    const scores = new Float32Array(size);
    for (let row = 0; row < tokens * kvHeads; row++) {
      const visible = Math.floor(Math.floor(row / kvHeads) / block) + 1;
      const chosen = new Set<number>();
      while (chosen.size < Math.min(slots, visible)) chosen.add(random.integer(visible));
      [...chosen]
        .sort((a, b) => a - b)
        .forEach((value, slot) => {
          blocks[row * slots + slot] = value;
          scores[row * slots + slot] = random.uniform();
        });
    }
    const feeds = index === shape.oracles - 1 && shape.oracles > 2 ? [] : [index * 3 + 1, index * 3 + 2];
    return { layer: index * 3, feeds, kvHeads, slots, blocks, scores: toHalves(scores) };
  };
  return selectionTableSchema.parse({
    tokens,
    block,
    window: shape.window,
    tokenStarts,
    oracles: Array.from({ length: shape.oracles }, oracle),
  });
}

/** The same by going through every token and every slot. */
function bruteForce(table: SelectionTable, offset: number): Cursor {
  const { tokens, block, window, tokenStarts } = table;
  let token = 0;
  for (let t = 0; t < tokens; t++) if (tokenStarts[t]! <= offset) token = t;
  const readable = new Uint8Array(token + 1);
  const oracles = table.oracles.map((oracle) => {
    const none = oracle.blocks instanceof Uint32Array ? 0xffffffff : 0xffff;
    const blocks: { block: number; heads: number; score: number }[] = [];
    for (let index = 0; index * block < tokens; index++) {
      const scores: number[] = [];
      for (let head = 0; head < oracle.kvHeads; head++) {
        for (let slot = 0; slot < oracle.slots; slot++) {
          const at = (token * oracle.kvHeads + head) * oracle.slots + slot;
          if (oracle.blocks[at] === index && index !== none) scores.push(halfToNumber(oracle.scores[at]!));
        }
      }
      if (scores.length === 0) continue;
      blocks.push({ block: index, heads: scores.length, score: Math.max(...scores) });
      if (oracle.feeds.length > 0) {
        for (let t = index * block; t < (index + 1) * block && t <= token; t++) readable[t] = 1;
      }
    }
    return { layer: oracle.layer, feeds: oracle.feeds, blocks };
  });
  for (let t = Math.max(0, token - window + 1); t <= token; t++) readable[t] = 1;
  const start = tokenStarts[token]!;
  return {
    token,
    start,
    end: tokenStarts[token + 1]!,
    line: start + 1,
    oracles,
    windowStart: tokenStarts[Math.max(0, token - window + 1)]!,
    unreadableTokens: readable.filter((reached) => reached === 0).length,
  };
}

const lineOf = (offset: number): number => offset + 1;

describe("the token under the cursor", () => {
  const shapes: Shape[] = [
    { tokens: 150, block: 8, window: 12, slots: 2, kvHeads: 2, oracles: 3 },
    { tokens: 61, block: 8, window: 8, slots: 1, kvHeads: 1, oracles: 1 },
    { tokens: 90, block: 4, window: 1, slots: 3, kvHeads: 3, oracles: 2, wide: true },
    { tokens: 40, block: 16, window: 64, slots: 2, kvHeads: 2, oracles: 1 },
    { tokens: 1, block: 64, window: 128, slots: 8, kvHeads: 2, oracles: 1 },
  ];

  it("selects what a walk over all tokens and slots finds, at every offset of random tables", () => {
    for (const [seed, shape] of shapes.entries()) {
      const table = randomTable(shape, seed + 1);
      for (let offset = 0; offset <= table.tokenStarts[table.tokens]!; offset++) {
        const cursor = cursorAt(table, offset, lineOf);
        assert.deepEqual(cursor, bruteForce(table, offset), `table ${seed}, offset ${offset}`);
        cursorSchema.parse(cursor);
      }
    }
  });

  it("is the last of those that share a character, and the last token at the end of the text", () => {
    const table = randomTable(shapes[0]!, 7);
    assert.equal(table.tokenStarts[4], table.tokenStarts[5]);
    assert.equal(cursorAt(table, table.tokenStarts[5]!, lineOf)?.token, 5);
    assert.equal(cursorAt(table, table.tokenStarts[150]!, lineOf)?.token, 149);
  });

  it("is nowhere outside the profiled text", () => {
    const table = randomTable(shapes[0]!, 7);
    for (const offset of [-1, 0.5, NaN, table.tokenStarts[150]! + 1])
      assert.equal(cursorAt(table, offset, lineOf), undefined);
  });

  it("counts nothing as unreadable where no oracle feeds a sparse layer", () => {
    const table = randomTable(shapes[0]!, 7);
    assert.ok(cursorAt(table, table.tokenStarts[149]!, lineOf)!.unreadableTokens > 0);
    const oracles = table.oracles.map((oracle) => ({ ...oracle, feeds: [] }));
    assert.equal(cursorAt({ ...table, oracles }, table.tokenStarts[149]!, lineOf)!.unreadableTokens, 0);
  });

  it("takes well under a millisecond at 32k tokens in the embedded model's shape", () => {
    const shape = { tokens: 32768, block: 64, window: 128, slots: 8, kvHeads: 2, oracles: 3 };
    const table = randomTable(shape, 3);
    const end = table.tokenStarts[table.tokens]!;
    const calls = 1000;
    let heads = 0;
    const begin = performance.now();
    for (let i = 0; i < calls; i++) {
      const cursor = cursorAt(table, Math.floor((end * (i + 0.5)) / calls), lineOf);
      heads += cursor?.oracles[0]?.blocks[0]?.heads ?? 0;
    }
    const each = (performance.now() - begin) / calls;
    assert.ok(heads >= calls, "every call found blocks");
    assert.ok(each < 0.5, `${each.toFixed(3)} ms a call`);
  });
});
