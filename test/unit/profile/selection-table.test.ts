import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { planOf } from "../../../src/designs/designs.ts";
import { CpuEngine } from "../../../src/engine/cpu/engine.ts";
import { OracleSelection } from "../../../src/engine/selection.ts";
import { loadTokenizerFile } from "../../../src/model/tokenizer-file.ts";
import { halfToFloat32, toHalves } from "../../../src/model/float16.ts";
import { prepareDocument } from "../../../src/profile/document.ts";
import { cursorAt } from "../../../src/profile/follow.ts";
import { profile } from "../../../src/profile/profile.ts";
import type { ProfileRequest } from "../../../src/profile/request.ts";
import { selectionTable, timesSelected } from "../../../src/profile/selection-table.ts";
import { selectionTableSchema, type SelectionTable } from "../../../src/protocol/selection-table.ts";
import { tinyArchitecture, tinyModel } from "../../kernels/tiny-model.ts";

const architecture = tinyArchitecture({ maxContext: 64 });

function request(changes: Partial<ProfileRequest> = {}): ProfileRequest {
  return {
    document: { name: "a.txt", text: "The quick brown fox.\n".repeat(5) },
    model: tinyModel(architecture, 5),
    engine: new CpuEngine(),
    engineReason: "a test",
    variants: ["full", "hysparse"],
    decodeTokens: 3,
    repetitions: 1,
    warmup: 2,
    importance: "last-token",
    includeText: false,
    measurePeak: () => Promise.resolve(123),
    ...changes,
  };
}

describe("the selection as plain data", () => {
  it("is told once, for the document's tokens only, and agrees with the report", async () => {
    const tables: SelectionTable[] = [];
    const report = await profile(request({ onSelection: (table) => void tables.push(table) }));
    assert.equal(tables.length, 1);
    const table = selectionTableSchema.parse(tables[0]);
    assert.deepEqual([table.tokens, table.block, table.window], [64, 8, 12]);
    assert.deepEqual(
      [...table.tokenStarts],
      Array.from({ length: 65 }, (_, i) => i),
    );
    assert.equal(table.oracles.length, 1);
    const [oracle] = table.oracles;
    assert.deepEqual(oracle?.feeds, [1, 2]);
    assert.equal(oracle.blocks.length, 64 * oracle.kvHeads * oracle.slots, "what was decoded is not in it");

    const said = report.selection!.oracles[0]!;
    for (const [head, { blocks, scores }] of said.queries[0]!.heads.entries()) {
      const from: number = (63 * oracle.kvHeads + head) * oracle.slots;
      assert.deepEqual([...oracle.blocks.subarray(from, from + blocks.length)], blocks);
      assert.deepEqual(
        [...halfToFloat32(oracle.scores.subarray(from, from + blocks.length))],
        [...halfToFloat32(toHalves(Float32Array.from(scores)))],
      );
    }
    assert.deepEqual(
      cursorAt(table, 63, () => 1)?.oracles[0]?.blocks.map(({ block }) => block),
      [...new Set(said.queries[0]!.heads.flatMap(({ blocks }) => blocks))].sort((a, b) => a - b),
    );
    const counts = new Array<number>(8).fill(0);
    for (const block of oracle.blocks) if (block !== 0xffff) counts[block]!++;
    assert.deepEqual(said.timesSelected, counts);
    // Queries of the first block see one block, the others at least two, and each of two heads takes two.
    assert.equal(
      counts.reduce((sum, times) => sum + times, 0),
      2 * (8 + 56 * 2),
    );
  });

  it("is not told where nothing was recorded", async () => {
    const never = (): never => assert.fail("there is no selection");
    await profile(request({ variants: ["full"], onSelection: never }));
    await profile(request({ warmup: 0, onSelection: never }));
  });

  it("keeps indices that need 32 bits", () => {
    const oracle = new OracleSelection(0, 1, 2, 65_536, 1);
    oracle.blocks.fill(oracle.none);
    oracle.blocks[2] = 65_535;
    const starts = Uint32Array.from({ length: 4 }, (_, i) => i);
    const table = selectionTable(architecture, planOf(architecture, "hysparse"), { oracles: [oracle] }, starts);
    assert.ok(table.oracles[0]?.blocks instanceof Uint32Array);
    assert.deepEqual(
      [...table.oracles[0].blocks],
      [0xffffffff, 0xffffffff, 65_535, 0xffffffff, 0xffffffff, 0xffffffff],
    );
    assert.equal(timesSelected(oracle, 65_536, 1)[65_535], 1);
  });
});

describe("token starts", () => {
  it("are UTF-16 offsets, whole characters where tokens split them, cut where the document is cut", async () => {
    const tokenizer = await loadTokenizerFile(fileURLToPath(new URL("../../../media/model", import.meta.url)));
    const text = "naïve 🙂 你好\r\n🦀end";
    const model = { ...tinyModel(architecture, 5), tokenizer };
    const whole = await prepareDocument(request({ document: { name: "a", text }, model }));
    const starts = [...whole.tokenStarts];
    assert.equal(starts.length, whole.tokens.length + 1);
    assert.equal(starts.at(-1), text.length);
    const crab = text.indexOf("🦀");
    assert.ok(starts.filter((start) => start === crab).length > 1, "the crab takes several tokens");
    for (const [i, start] of starts.entries()) {
      assert.ok(i === 0 || start >= starts[i - 1]!);
      assert.ok(!/[\udc00-\udfff]/.test(text.charAt(start)), `token ${i} starts inside a character`);
    }
    const within = starts.indexOf(crab) + 1;
    const cut = await prepareDocument(request({ document: { name: "a", text }, model, maxTokens: within }));
    assert.deepEqual(
      [...cut.tokenStarts],
      [...starts.slice(0, within), crab + 2],
      "the cut ends after a whole character",
    );
  });
});
