import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import type { Engine } from "../../src/engine/engine.ts";
import { loadModel } from "../../src/model/models.ts";
import type { Model } from "../../src/model/model.ts";
import { argmax } from "../../src/profile/run-variant.ts";

const fixtureSchema = z.object({
  format: z.literal("hysparse-greedy"),
  formatVersion: z.literal(1),
  prompts: z.array(
    z.object({
      name: z.string(),
      tokens: z.array(z.int()),
      top: z.array(z.object({ token: z.int(), logit: z.number() })),
      selection: z.record(z.string(), z.array(z.object({ blocks: z.array(z.int()), gap: z.number().nullable() }))),
      greedy: z.array(z.int()).length(64),
    }),
  ),
});

export interface TrainingCheck {
  /** Largest error of a logit, as a share of the largest logit; the fixture keeps five decimals. */
  readonly logits: number;
  /** Gap of log scores below which this engine and the training code may pick different blocks. */
  readonly sureGap: number;
  /** The longest prompt to run; all when absent. */
  readonly longest?: number;
  /** Greedy tokens to write, of 64; all when absent. */
  readonly steps?: number;
}

/** What the training code computed from the shipped weights (training/fixtures.py), in float32. */
const fixture = fixtureSchema.parse(
  JSON.parse(readFileSync(new URL("../../training/fixtures/greedy.json", import.meta.url), "utf8")),
);

/** Holds an engine against what the training code computed: logits, selections and 64 greedy tokens of each prompt. */
export function describeAgainstTraining(name: string, createEngine: () => Promise<Engine>, check: TrainingCheck): void {
  const prompts = fixture.prompts.filter(({ tokens }) => tokens.length <= (check.longest ?? Infinity));
  const steps = check.steps ?? 64;
  describe(`the embedded model on the ${name}, against the training code`, () => {
    let engine: Engine;
    let model: Model;
    before(async () => {
      engine = await createEngine();
      model = await loadModel("embedded");
    });
    after(() => engine.dispose());

    for (const prompt of prompts) {
      it(`${prompt.name}, ${prompt.tokens.length} tokens: tokenizer, logits, selection, ${steps} greedy tokens`, async () => {
        const text = model.tokenizer.decode(prompt.tokens);
        // A prompt cut inside a word need not be what its text encodes to, but its text must survive.
        assert.equal(model.tokenizer.decode(model.tokenizer.encode(text).ids), text);

        const runner = await engine.load(model, "hysparse");
        let logits = await runner.prefill(Uint32Array.from(prompt.tokens));
        const scale = Math.max(...prompt.top.map(({ logit }) => Math.abs(logit)));
        for (const { token, logit } of prompt.top) {
          const error = Math.abs((logits[token] ?? NaN) - logit);
          assert.ok(error <= check.logits * scale, `token ${token}: logit ${logits[token] ?? NaN}, not ${logit}`);
        }
        assert.equal(argmax(logits), prompt.top[0]?.token);

        let sure = 0;
        for (const oracle of (await runner.selection())?.oracles ?? []) {
          prompt.selection[oracle.layer.toString()]?.forEach(({ blocks, gap }, head) => {
            if (gap !== null && gap < check.sureGap) return;
            sure++;
            assert.deepEqual(oracle.at(prompt.tokens.length - 1, head).blocks, blocks, `layer ${oracle.layer}`);
          });
        }
        assert.ok(sure >= 3, `only ${sure} of 6 selections have a gap to judge by`);

        await runner.reserve(prompt.tokens.length + steps);
        const written: number[] = [];
        for (let step = 0; step < steps; step++) {
          const token = argmax(logits);
          written.push(token);
          logits = await runner.decode(token);
        }
        assert.deepEqual(written, prompt.greedy.slice(0, steps));
        await runner.dispose();
      });
    }
  });
}
