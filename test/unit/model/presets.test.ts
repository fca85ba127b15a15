import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  architectureSchema,
  fedBy,
  oracleOf,
  schedule,
  selectedBlocks,
  type Architecture,
} from "../../../src/model/architecture.ts";
import { groupSize } from "../../../src/model/decoder.ts";
import { PRESETS } from "../../../src/model/presets.ts";
import { parameterCount } from "../../../src/model/tensors.ts";

const fullLayers = (id: keyof typeof PRESETS): number[] =>
  schedule(PRESETS[id].architecture).flatMap((kind, layer) => (kind === "full" ? [layer] : []));

describe("presets", () => {
  it("are valid architectures with the paper's schedules", () => {
    for (const { architecture } of Object.values(PRESETS)) architectureSchema.parse(architecture);
    assert.deepEqual(fullLayers("paper-7b"), [0, 4, 8, 12, 16, 20, 24, 28, 32, 35]);
    assert.deepEqual(fullLayers("paper-80b-a3b"), [0, 12, 24, 36, 48]);
  });

  it("have about the parameters that their names claim", () => {
    const moe = PRESETS["paper-80b-a3b"].architecture;
    assert.equal(Math.round(parameterCount(PRESETS["paper-7b"].architecture) / 1e9), 7);
    assert.equal((parameterCount(moe) / 1e9).toFixed(1), "3.1");
    assert.equal(Math.round(parameterCount({ ...moe, intermediate: 512 * 512 }) / 1e9), 81);
  });

  it("name every value that is ours in a note", () => {
    for (const { architecture, notes } of Object.values(PRESETS)) {
      for (const value of [architecture.intermediate, architecture.vocabulary, architecture.maxContext]) {
        assert.match(notes.join("\n"), new RegExp(`\\b${value}\\b`));
      }
    }
  });

  it("group heads and blocks as the paper does", () => {
    assert.equal(groupSize(PRESETS["paper-7b"].architecture), 4);
    assert.equal(selectedBlocks(PRESETS["paper-80b-a3b"].architecture), 16);
  });
});

describe("schedule", () => {
  it("knows which layers an oracle feeds", () => {
    const kinds = schedule(PRESETS["paper-7b"].architecture);
    assert.equal(oracleOf(kinds, 34), 32);
    assert.deepEqual(fedBy(kinds, 32), [33, 34]);
    assert.deepEqual(fedBy(kinds, 35), []);
  });

  it("ends with a full layer unless lastFull is false, and then by the last layer's index, or as it is listed", () => {
    const shape = { ...PRESETS["paper-7b"].architecture, sparsePerFull: 5 };
    const full = (changes: Partial<Architecture>): number[] =>
      schedule(architectureSchema.parse({ ...shape, ...changes })).flatMap((kind, layer) =>
        kind === "full" ? [layer] : [],
      );
    assert.deepEqual(full({ layers: 12 }), [0, 6, 11]);
    assert.deepEqual(full({ layers: 12, lastFull: true }), [0, 6, 11]);
    assert.deepEqual(full({ layers: 12, lastFull: false }), [0, 6]);
    assert.deepEqual(full({ layers: 13, lastFull: false }), [0, 6, 12]);
    assert.deepEqual(full({ layers: 1, lastFull: false }), [0]);
    assert.deepEqual(full({ layers: 12, fullLayers: [0, 2, 9] }), [0, 2, 9]);
    const kinds = schedule({ ...shape, layers: 12, lastFull: false });
    assert.deepEqual([oracleOf(kinds, 11), fedBy(kinds, 6)], [6, [7, 8, 9, 10, 11]]);
  });
});
