import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Planter, prompt } from "../../src/bench/needle/plant.ts";
import { heldOutLines, readNeedleSpec } from "../../src/bench/needle/spec.ts";
import { CpuEngine } from "../../src/engine/cpu/engine.ts";
import { loadModel } from "../../src/model/models.ts";
import { Random } from "../../src/model/random.ts";

const spec = readNeedleSpec();
const model = await loadModel("embedded");
const planter = new Planter(spec, heldOutLines(spec), model.tokenizer, model.architecture.block);

describe("needle test", () => {
  it("builds the prompts of the specification's examples", () => {
    for (const example of spec.examples) {
      const template = spec.templates.find(({ name }) => name === example.template);
      assert.ok(template !== undefined);
      const fill = (text: string): string => text.replaceAll("{key}", example.key).replaceAll("{value}", example.value);
      const built = prompt(example.lines, example.needleBeforeLine, fill(template.needle), fill(template.question));
      assert.equal(built, example.prompt);
      assert.equal(example.answer, ` ${example.value}`);
    }
  });

  it("fills the length asked for and knows the value's block", () => {
    const random = new Random(4);
    for (const template of spec.templates) {
      const trial = planter.plant(template, 2048, random);
      assert.ok(trial.tokens.length <= 2048 && trial.tokens.length > 1500, `${trial.tokens.length} tokens`);
      const from = trial.block * 64;
      const around = model.tokenizer.decode(trial.tokens.subarray(from, from + 64 + 8));
      assert.ok(
        around.includes(trial.answer.trim()),
        `${template.name}: ${trial.answer} is not in block ${trial.block}`,
      );
      assert.ok(!model.tokenizer.decode(trial.control).includes(trial.answer.trim()));
    }
  });

  it("is passed at 4,096 tokens by the embedded model (five trials here; npm run needle runs them all)", async () => {
    const engine = new CpuEngine();
    const runner = await engine.load(model, "hysparse");
    const random = new Random(7);
    let hits = 0;
    const templates = spec.templates.filter(({ trained }) => trained);
    for (const template of templates) {
      const trial = planter.plant(template, 4096, random);
      await runner.prefill(trial.tokens);
      const oracle = (await runner.selection())?.oracles.at(-1);
      const heads = [0, 1].filter((head) => oracle?.at(trial.tokens.length - 1, head).blocks.includes(trial.block));
      hits += heads.length > 0 ? 1 : 0;
    }
    await engine.dispose();
    assert.ok(hits >= 0.8 * templates.length, `${hits} of ${templates.length}`);
  });
});
