import { Command } from "commander";
import { median } from "simple-statistics";
import { GpuSession } from "../engine/webgpu/session.ts";
import { WebGpuEngine } from "../engine/webgpu/engine.ts";
import type { Ceilings } from "../engine/engine.ts";
import { loadModel } from "../model/models.ts";
import { PRESETS } from "../model/presets.ts";
import type { Architecture } from "../model/architecture.ts";
import { messageOf, UserError } from "../model/errors.ts";
import type { Samples } from "../protocol/report.ts";
import { AttentionBench, LOUD } from "./gpu/attention.ts";
import { peerTable } from "./gpu/peer-table.ts";
import { wholeModel } from "./gpu/whole-model.ts";
import { printLine as print, say } from "../cli/print.ts";

const SECTIONS = ["decode", "prefill", "values", "peer", "model"] as const;

const command = new Command("gpu-bench")
  .description("Measures the WebGPU engine on one GPU; prints Markdown tables (docs/gpu-benchmarks.md).")
  .option("--gpu <name|index>", "the GPU; the first real one when absent")
  .option("--sections <list>", "which tables, comma separated", SECTIONS.join())
  .option("--decode-tokens <list>", "context lengths for decode", "8192,32768,131072")
  .option("--prefill-tokens <list>", "context lengths for prefill", "8192,32768")
  .option("--model-tokens <list>", "context lengths for the embedded model", "8192,32768,131072")
  .option("--chunk <n>", "queries per prefill call", "2048")
  .option("--repetitions <n>", "timed rounds", "5")
  .parse();
const options = command.opts<
  Record<"sections" | "decodeTokens" | "prefillTokens" | "modelTokens" | "chunk" | "repetitions", string> & {
    gpu?: string;
  }
>();
const sections = options.sections.split(",");
const gpu = options.gpu === undefined ? {} : { gpu: options.gpu };
const repetitions = Number(options.repetitions);
const chunk = Number(options.chunk);
const numbers = (list: string): number[] => list.split(",").map(Number);

const ms = ({ medianMs, minMs, maxMs }: Samples): string => `${short(medianMs)} (${short(minMs)} to ${short(maxMs)})`;
const short = (value: number): string => value.toFixed(value < 1 ? 4 : value < 100 ? 2 : 0);
/** Median of the rounds' own ratios: what drifts between rounds cancels. */
const ratio = (a: Samples, b: Samples): string =>
  `${median(a.samples.map((value, i) => value / (b.samples[i] ?? value))).toFixed(2)}x`;
const sum = (a: Samples, b: Samples): Samples => ({
  medianMs: median(a.samples.map((value, i) => value + (b.samples[i] ?? 0))),
  minMs: Math.min(...a.samples.map((value, i) => value + (b.samples[i] ?? 0))),
  maxMs: Math.max(...a.samples.map((value, i) => value + (b.samples[i] ?? 0))),
  samples: a.samples.map((value, i) => value + (b.samples[i] ?? 0)),
});

const embedded = await loadModel("embedded");
const shapes: readonly (readonly [string, Architecture])[] = [
  ["7B (32/8 heads of 128)", PRESETS["paper-7b"].architecture],
  ["80B (64/4 heads of 128)", PRESETS["paper-80b-a3b"].architecture],
  ["embedded (6/2 heads of 64)", embedded.architecture],
];

try {
  const engine = await WebGpuEngine.open(gpu);
  const ceilings = await engine.measureCeilings();
  header(engine, ceilings);
  if (sections.includes("model")) await wholeModel(engine, embedded, numbers(options.modelTokens), repetitions, print);
  await engine.dispose();
  const session = await GpuSession.open(gpu);
  if (sections.includes("decode")) await decode(session, ceilings);
  if (sections.includes("prefill")) await prefill(session, ceilings);
  if (sections.includes("values")) await values(session);
  session.close();
  if (sections.includes("peer")) {
    await peerTable({
      ...gpu,
      shapes,
      prefill: numbers(options.prefillTokens),
      decode: numbers(options.decodeTokens),
      chunk,
      repetitions,
      print,
    });
  }
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  say(`gpu-bench: ${messageOf(error)}`);
  process.exitCode = 2;
}

function header(engine: WebGpuEngine, ceilings: Ceilings): void {
  const { info } = engine;
  print(`Command: \`npm run gpu-bench -- ${process.argv.slice(2).join(" ")}\``);
  print();
  print(
    `${new Date().toISOString().slice(0, 10)}, ${info.device} (${info.gpu?.backend ?? ""}, ${info.gpu?.driver ?? ""}), ` +
      `webgpu ${info.versions["webgpu"] ?? "?"}; 16-bit weights and KV cache, ${info.gpu?.arithmetic ?? ""}; device ` +
      `timestamps, medians (min to max) of ${repetitions} interleaved rounds after a warm-up.`,
  );
  print(
    `Measured ceilings: ${(ceilings.matrixGflops / 1e3).toFixed(1)} TFLOP/s, ${ceilings.copyGBps.toFixed(0)} GB/s (${ceilings.method}).`,
  );
}

async function decode(session: GpuSession, { copyGBps }: Ceilings): Promise<void> {
  print("\n### Attention of one decode step, ms\n");
  print(
    "| shape | tokens | full | with scores | top-k | sparse + window | KV bytes at copy rate | share of copy rate | full / sparse layer |",
  );
  print("|---|---|---|---|---|---|---|---|---|");
  for (const [name, architecture] of shapes) {
    for (const tokens of numbers(options.decodeTokens)) {
      const bench = await AttentionBench.create(session, architecture, tokens, 1);
      const times = await bench.measure(Math.max(20, repetitions));
      bench.dispose();
      const floor = (4 * architecture.kvHeads * architecture.headDim * tokens) / (copyGBps * 1e6);
      print(
        `| ${name} | ${tokens} | ${ms(times.full)} | ${ms(times.score)} | ${ms(times.select)} | ${ms(times.sparse)} | ` +
          `${short(floor)} | ${((100 * floor) / times.full.medianMs).toFixed(0)} % | ${ratio(times.full, times.sparse)} |`,
      );
    }
  }
}

async function prefill(session: GpuSession, { matrixGflops }: Ceilings): Promise<void> {
  print(`\n### Attention of one layer, whole prefill in chunks of ${chunk} queries, ms\n`);
  print(
    "| shape | tokens | full | TFLOP/s | with scores | scores cost | top-k and plan | of full | sparse | window | sparse layer | full / sparse layer | full at matrix rate |",
  );
  print("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
  for (const [name, architecture] of shapes) {
    for (const tokens of numbers(options.prefillTokens)) {
      const bench = await AttentionBench.create(session, architecture, tokens, chunk);
      const times = await bench.measure(repetitions);
      bench.dispose();
      const flops = 2 * architecture.headDim * architecture.queryHeads * tokens * (tokens + 1);
      const layer = sum(times.sparse, times.window);
      print(
        `| ${name} | ${tokens} | ${ms(times.full)} | ${(flops / times.full.medianMs / 1e9).toFixed(1)} | ${ms(times.score)} | ` +
          `${ratio(times.score, times.full)} | ${ms(times.select)} | ${ratio(times.select, times.full)} | ${ms(times.sparse)} | ` +
          `${ms(times.window)} | ${ms(layer)} | ${ratio(times.full, layer)} | ${short(flops / matrixGflops / 1e6)} |`,
      );
    }
  }
}

async function values(session: GpuSession): Promise<void> {
  print(`\n### Time that depends on values: one layer, ordinary logits and ${LOUD} times as large ones, ms\n`);
  print(`| phase | shape | tokens | attention | ordinary | logits x ${LOUD} | ratio |`);
  print("|---|---|---|---|---|---|---|");
  const phases = [
    ["prefill", numbers(options.prefillTokens), chunk, repetitions],
    ["decode", numbers(options.decodeTokens), 1, Math.max(20, repetitions)],
  ] as const;
  for (const [phase, lengths, rows, rounds] of phases) {
    for (const [name, architecture] of shapes) {
      for (const tokens of lengths) {
        const bench = await AttentionBench.create(session, architecture, tokens, rows);
        const { ordinary, loud } = await bench.measureValues(rounds);
        bench.dispose();
        for (const [part, what] of [
          ["full", "full"],
          ["score", "full with scores"],
          ["sparse", phase === "decode" ? "sparse + window" : "sparse"],
          ["window", "window"],
        ] as const) {
          print(
            `| ${phase} | ${name} | ${tokens} | ${what} | ${ms(ordinary[part])} | ${ms(loud[part])} | ${ratio(loud[part], ordinary[part])} |`,
          );
        }
      }
    }
  }
}
