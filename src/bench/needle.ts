import { Command } from "commander";
import { planOf, selectingDesign } from "../designs/designs.ts";
import type { Runner } from "../engine/engine.ts";
import { createEngine } from "../engine/registry.ts";
import { checkRunsAs } from "../engine/runs-as.ts";
import { loadModel } from "../model/models.ts";
import { Random } from "../model/random.ts";
import { argmax } from "../profile/run-variant.ts";
import { Planter, type Trial } from "./needle/plant.ts";
import { heldOutLines, readNeedleSpec } from "./needle/spec.ts";
import { print, say } from "../cli/print.ts";

const command = new Command("needle")
  .description(
    "Does the last oracle that feeds sparse layers select a needle's block for the last token? Plants needles at random " +
      "depths of held-out text, with the same text without the needle as control; prints a Markdown table.",
  )
  .option("--model <id>", "embedded or a checkpoint folder", "embedded")
  .option("--engine <id>", "engine", "auto")
  .option("--lengths <list>", "prompt lengths in tokens, comma separated", "4096,8192")
  .option("--trials <n>", "trials per length", "40")
  .option("--seed <n>", "seed of depths, texts, keys and values", "1")
  .parse();
const options = command.opts<Record<"model" | "engine" | "lengths" | "trials" | "seed", string>>();

const { engine } = await createEngine(options.engine);
const model = await loadModel(options.model);
const a = model.architecture;
const variant = selectingDesign(a)!;
checkRunsAs(model, [variant]);
const oracle = planOf(a, variant).findLastIndex(({ feeds }) => feeds.length > 0);
const spec = readNeedleSpec();
const templates = spec.templates.filter(({ trained }) => trained);
const planter = new Planter(spec, heldOutLines(spec), model.tokenizer, a.block);

/** The KV heads of the oracle that select `block` for the last token; the logits after it. */
async function selecting(runner: Runner, tokens: Uint32Array, block: number): Promise<[boolean[], Float32Array]> {
  const logits = await runner.prefill(tokens);
  const chosen = (await runner.selection())?.oracles.find(({ layer }) => layer === oracle);
  if (chosen === undefined) throw new Error(`layer ${oracle} selected nothing`);
  const heads = Array.from({ length: a.kvHeads }, (_, head) =>
    chosen.at(tokens.length - 1, head).blocks.includes(block),
  );
  return [heads, logits];
}

/** Whether greedy decoding after `logits` writes the answer. */
async function answers(runner: Runner, trial: Trial, logits: Float32Array): Promise<boolean> {
  const wanted = model.tokenizer.encode(trial.answer).ids;
  await runner.reserve(trial.tokens.length + wanted.length);
  let after = logits;
  const written: number[] = [];
  while (written.length < wanted.length) {
    const token = argmax(after);
    written.push(token);
    after = await runner.decode(token);
  }
  return model.tokenizer.decode(written).startsWith(trial.answer);
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const trials = Number(options.trials);
print(
  `Command: \`npm run needle -- --model ${options.model} --engine ${options.engine} --lengths ${options.lengths} ` +
    `--trials ${options.trials} --seed ${options.seed}\`; ${engine.info.device}, ${engine.info.id}, ${engine.info.dtype}; ` +
    `oracle: layer ${oracle} of ${a.layers}, ${a.kvHeads} KV heads, k = ${a.selectedTokens}\n\n` +
    "| tokens | trials | selected by any KV head | per KV head | control, any | control, per head | chance per head (k / T) | answered |\n" +
    "|---|---|---|---|---|---|---|---|\n",
);
for (const length of options.lengths.split(",").map(Number)) {
  const runner = await engine.load(model, variant);
  const random = new Random(Number(options.seed) * 1_000_003 + length);
  const count = { any: 0, heads: 0, controlAny: 0, controlHeads: 0, answered: 0, tokens: 0 };
  for (let i = 0; i < trials; i++) {
    const template = templates[i % templates.length];
    if (template === undefined) break;
    const trial = planter.plant(template, length, random);
    const [found, logits] = await selecting(runner, trial.tokens, trial.block);
    const answered = await answers(runner, trial, logits);
    const [control] = await selecting(runner, trial.control, trial.block);
    const hits = (heads: readonly boolean[]): number => heads.filter(Boolean).length;
    count.any += Number(hits(found) > 0);
    count.heads += hits(found);
    count.controlAny += Number(hits(control) > 0);
    count.controlHeads += hits(control);
    count.answered += Number(answered);
    count.tokens += trial.tokens.length;
    say(
      `${length}: ${i + 1} of ${trials}, ${trial.template}, depth ${percent(trial.depth)}, block ${trial.block}: ` +
        `${hits(found)} heads, control ${hits(control)}, ${answered ? "answered" : "not answered"}`,
    );
  }
  const perHead = (hits: number): string => percent(hits / (trials * a.kvHeads));
  print(
    `| ${length} | ${trials} | ${percent(count.any / trials)} | ${perHead(count.heads)} | ` +
      `${percent(count.controlAny / trials)} | ${perHead(count.controlHeads)} | ` +
      `${percent(a.selectedTokens / (count.tokens / trials))} | ${percent(count.answered / trials)} |\n`,
  );
  await runner.dispose();
}
await engine.dispose();
