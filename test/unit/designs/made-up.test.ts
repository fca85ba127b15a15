import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { standIn } from "../../fixtures/stand-in.ts";

const texts = z.array(z.string());
const shownSchema = z.strictObject({
  id: z.string(),
  offered: texts,
  chosen: texts,
  settings: texts,
  name: z.string(),
  kinds: texts,
  kv: z.array(z.number()),
  predicted: z.array(z.number()),
  costs: z.array(texts),
  totals: texts,
  columns: texts,
  finding: texts,
  csv: z.number(),
  trace: z.boolean(),
  compared: texts,
  ledger: texts,
  latency: texts,
  curves: z.array(texts),
  old: texts,
});

/** In a process of its own, whose table of designs has one row more: no other test sees it. */
describe("a row more in the table of designs", () => {
  const at = (name: string): URL => new URL(`fixtures/${name}`, import.meta.url);
  let shown: z.infer<typeof shownSchema>;

  before(() => {
    const loader = standIn("/src/designs/rows.ts", at("made-up.ts"));
    const show = fileURLToPath(at("show-made-up.ts"));
    const out = execFileSync(process.execPath, ["--import", "tsx", "--import", loader, show], { encoding: "utf8" });
    shown = shownSchema.parse(JSON.parse(out));
  });

  it("is offered and taken by command line and settings", () => {
    assert.equal(shown.id, "half-swa");
    for (const list of [shown.offered, shown.settings]) assert.equal(list.at(-1), "half-swa");
    assert.deepEqual(shown.chosen, ["half-swa"]);
  });

  it("runs on an engine by its plan, whose memory is the formula's", () => {
    assert.deepEqual(shown.kinds, ["full", "window", "full", "full"]);
    assert.deepEqual(shown.kv, shown.predicted);
    assert.ok(shown.kv[1]! < shown.kv[2]!);
  });

  it("has costs", () => {
    assert.deepEqual(shown.costs[1], ["project", "output", "mlp", "window"]);
    assert.deepEqual(shown.costs[2], ["project", "output", "mlp", "attend"]);
  });

  it("is in tables, exports and comparison", () => {
    assert.equal(shown.name, "Half SWA");
    assert.deepEqual(shown.totals, ["Full attention", "Half SWA"]);
    assert.ok(shown.columns.some((title) => title.endsWith("Half")));
    assert.ok(shown.csv > 20 && shown.trace);
    assert.ok(shown.compared.includes("half-swa"));
  });

  it("is the subject beside the baseline", () => {
    assert.match(shown.finding[0] ?? "", /^Half sliding-window attention uses .* of full attention's KV memory/);
  });

  it("is in the panel: ledger, latency, curves", () => {
    assert.deepEqual(shown.ledger, ["Full attention", "Half SWA"]);
    assert.deepEqual(shown.latency, ["Full attention", "Half SWA"]);
    for (const names of shown.curves) assert.deepEqual(names, ["Full", "Half"]);
  });

  it("leaves reports of before as they are", () => {
    assert.deepEqual(shown.old, ["hysparse", "full", "hybrid-swa"]);
  });
});
