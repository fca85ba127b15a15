import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cellAt, GUTTER, hit, layoutOf, moved } from "../../../webview/model/map-layout.ts";
import { cellText, chosenIn, mapModel } from "../../../webview/model/map.ts";
import { sampleState } from "../../panel/states.ts";
import { sampleReport } from "../report/sample-report.ts";

describe("the selection map's layout", () => {
  it("puts short documents on one band and wraps long ones, cells never narrower than six pixels", () => {
    assert.equal(layoutOf(1000, 63, 4).bands, 1);
    const long = layoutOf(460, 512, 4);
    assert.equal(long.bands, 8);
    assert.ok(long.cell >= 6);
    assert.ok(long.columns * long.cell + GUTTER <= 460.001);
    assert.ok(long.columns * long.bands >= 512);
  });

  it("survives a panel narrower than the names", () => {
    const layout = layoutOf(20, 5, 2);
    assert.equal(layout.columns, 1);
    assert.equal(layout.bands, 5);
  });

  it("finds the cell under every cell's middle, and none before or after", () => {
    const layout = layoutOf(460, 512, 4);
    for (let block = 0; block < 512; block += 7) {
      for (let row = 0; row < 4; row++) {
        const { x, y } = cellAt(layout, row, block);
        assert.deepEqual(hit(layout, 512, 4, x + layout.cell / 2, y + 5), { row, block });
      }
    }
    assert.equal(hit(layout, 512, 4, GUTTER - 1, 5), undefined);
    assert.equal(hit(layout, 509, 4, 459, layout.height - 60), undefined);
  });

  it("moves by arrow keys from row to row and from band to band, and stops at the ends", () => {
    assert.deepEqual(moved("ArrowRight", { row: 1, block: 9 }, 20, 3, 10), { row: 1, block: 10 });
    assert.deepEqual(moved("ArrowRight", { row: 1, block: 19 }, 20, 3, 10), { row: 1, block: 19 });
    assert.deepEqual(moved("ArrowDown", { row: 2, block: 3 }, 20, 3, 10), { row: 0, block: 13 });
    assert.deepEqual(moved("ArrowDown", { row: 2, block: 13 }, 20, 3, 10), { row: 2, block: 13 });
    assert.deepEqual(moved("ArrowUp", { row: 0, block: 13 }, 20, 3, 10), { row: 2, block: 3 });
    assert.equal(moved("x", { row: 0, block: 0 }, 20, 3, 10), undefined);
  });
});

describe("the selection map's model", () => {
  it("counts the KV heads that chose each block for the last token", () => {
    const state = sampleState();
    const model = mapModel(state);
    assert.ok(model);
    const heads = state.report?.selection?.oracles[1]?.queries.at(-1)?.heads ?? [];
    model.rows[1]?.last.forEach((times, block) => {
      assert.equal(times, heads.filter(({ blocks }) => blocks.includes(block)).length);
    });
  });

  it("gives shares of the queries that could choose the block, never above one", () => {
    const state = sampleState();
    const model = mapModel(state);
    const times = state.report?.selection?.oracles[0]?.timesSelected?.[10] ?? 0;
    const queries = (3986 - 10 * 64) * 2;
    assert.ok(model);
    assert.equal(model.rows[0]?.share?.[10], times / queries);
    assert.ok(model.rows.every(({ share }) => share?.every((of) => of >= 0 && of <= 1)));
  });

  it("shows the cursor's token instead of the last one", () => {
    const model = mapModel(sampleState());
    assert.ok(model);
    const cursor = {
      token: 9,
      start: 30,
      end: 33,
      line: 2,
      windowStart: 0,
      unreadableTokens: 0,
      oracles: [{ layer: 4, feeds: [5, 6, 7], blocks: [{ block: 3, heads: 2, score: 0.5 }] }],
    };
    assert.equal(chosenIn(model, 1, cursor)[3], 2);
    assert.ok(chosenIn(model, 0, cursor).every((heads) => heads === 0));
    const [place, chosen] = cellText(model, 1, 3, cursor);
    assert.match(place ?? "", /^Block 3, lines \d+-\d+$/);
    assert.equal(chosen, "Layer 4 for layers 5-7: selected by both KV heads for the token at the cursor, line 2");
  });

  it("is left out where the selection means nothing", () => {
    assert.equal(mapModel(sampleState({ report: sampleReport({ synthetic: true }) })), undefined);
    assert.equal(mapModel(sampleState({ report: sampleReport({ variants: ["full"] }) })), undefined);
  });
});
