import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { CpuEngine } from "../../src/engine/cpu/engine.ts";
import { loadModel } from "../../src/model/models.ts";
import { profile } from "../../src/profile/profile.ts";

describe("the shipped sample", () => {
  it("asks for a number at its end, and the passage that holds it is wanted most and selected", async () => {
    const text = readFileSync(new URL("../../media/samples/design-note.md", import.meta.url), "utf8");
    const report = await profile({
      document: { name: "design-note.md", text },
      model: await loadModel("embedded"),
      engine: new CpuEngine(),
      engineReason: "a test",
      variants: ["hysparse"],
      decodeTokens: 0,
      repetitions: 1,
      warmup: 1,
      importance: "last-token",
      includeText: true,
      measurePeak: () => Promise.resolve(0),
    });
    const [first] = report.importance?.passages ?? [];
    assert.ok(first !== undefined && first.text?.includes("48213"), first?.text);
    assert.ok(first.selectedBy >= 1);
    const chosen = report.selection?.oracles.at(-1)?.queries[0]?.heads ?? [];
    assert.ok(
      chosen.some(({ blocks }) => blocks.includes(first.block)),
      "the last feeding oracle selects it",
    );
  });
});
