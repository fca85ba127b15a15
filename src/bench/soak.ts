import { execFileSync } from "node:child_process";
import { Command } from "commander";
import { VARIANTS, type Runner } from "../engine/engine.ts";
import { createEngine } from "../engine/registry.ts";
import { UserError } from "../model/errors.ts";
import { loadModel } from "../model/models.ts";
import { runVariant } from "../profile/run-variant.ts";
import { heldOutTokens } from "./cpu/held-out.ts";
import { printLine as print, say } from "../cli/print.ts";

const command = new Command("soak")
  .description("Profiles again and again in one process and shows what memory stays behind; prints a Markdown table.")
  .option("--engine <id>", "the engine", "auto")
  .option("--gpu <name|index>", "the GPU")
  .option("--runs <n>", "runs, of every variant in turn", "1000")
  .option("--tokens <n>", "tokens of a run", "2048")
  .option("--reload-every <n>", "runs after which the model's weights are freed and loaded anew", "20")
  .parse();
const options = command.opts<{ engine: string; gpu?: string; runs: string; tokens: string; reloadEvery: string }>();
const ROWS = 10;
const MB = 1e6;

/** Memory that the driver says is taken on the card, by everybody; a dash where nvidia-smi is not there. */
function cardMemory(): string {
  try {
    const args = ["--query-gpu=memory.used", "--format=csv,noheader,nounits"];
    return (
      execFileSync("nvidia-smi", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0] ?? "-"
    );
  } catch {
    return "-";
  }
}

try {
  const { engine } = await createEngine(options.engine, options.gpu === undefined ? {} : { gpu: options.gpu });
  const model = await loadModel("embedded");
  const tokens = heldOutTokens(model, Number(options.tokens));
  const runs = Number(options.runs);
  print(
    `${engine.info.device}, ${engine.info.id}; ${tokens.length} tokens, 2 decoded, a fresh runner per run, the weights loaded anew every ${options.reloadEvery} runs\n`,
  );
  print("| runs | device bytes held | device peak MB | card MB in use | resident MB | JavaScript heap MB |");
  print("|---|---|---|---|---|---|");
  const load = (done: number): Promise<Runner> => engine.load(model, VARIANTS[done % VARIANTS.length]!);
  /** Keeps the weights on the device between runs. */
  let keeper: Runner | undefined;
  for (let done = 0; done <= runs; done++) {
    if (done % Number(options.reloadEvery) === 0) {
      await keeper?.dispose();
      keeper = undefined;
    }
    if (done % Math.max(1, Math.floor(runs / ROWS)) === 0) {
      globalThis.gc?.();
      const { rss, heapUsed } = process.memoryUsage();
      const { bytes, peakBytes } = engine.meter ?? { bytes: 0, peakBytes: 0 };
      print(
        `| ${done} | ${bytes} | ${(peakBytes / MB).toFixed(1)} | ${cardMemory()} | ${(rss / MB).toFixed(0)} | ${(heapUsed / MB).toFixed(0)} |`,
      );
    }
    if (done === runs) break;
    keeper ??= await load(done);
    const runner = await load(done);
    await runVariant(runner, tokens, { decodeTokens: 2, onProgress: () => undefined });
    await runner.dispose();
  }
  await engine.dispose();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  say(`soak: ${error.message}`);
  process.exitCode = 2;
}
