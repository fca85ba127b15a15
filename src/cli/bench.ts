import { Command } from "commander";
import { median } from "simple-statistics";
import { VARIANTS } from "../engine/engine.ts";
import { CpuEngine } from "../engine/cpu/engine.ts";
import { checkThreads } from "../engine/machine.ts";
import { loadModel } from "../model/models.ts";
import { peakMeasurement } from "../profile/peak-memory.ts";
import type { Samples } from "../profile/report.ts";
import { againstFused } from "./bench/against-fused.ts";
import { heldOutTokens } from "./bench/held-out.ts";
import { hybridBlocks } from "./bench/hybrid-block.ts";

const command = new Command("bench")
  .description("Measures the CPU engine's attention on this machine; prints Markdown tables (docs/benchmarks.md).")
  .option("--lengths <list>", "context lengths, comma separated", "8192,32768")
  .option("--repetitions <n>", "timed rounds", "3")
  .option("--threads <n>", "CPU threads (one per core, within the CPU quota of a container)")
  .parse();
const options = command.opts<{ lengths: string; repetitions: string; threads?: string }>();
const lengths = options.lengths.split(",").map(Number);
const repetitions = Number(options.repetitions);

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (line = ""): void => void process.stdout.write(`${line}\n`);
const ms = ({ medianMs, minMs, maxMs }: Samples): string =>
  `${medianMs.toFixed(medianMs < 10 ? 2 : 0)} (${minMs.toFixed(minMs < 10 ? 2 : 0)} to ${maxMs.toFixed(maxMs < 10 ? 2 : 0)})`;
/** Median of the rounds' own ratios: what drifts between rounds cancels. */
const ratio = (a: Samples, b: Samples): string => {
  const ratios = a.samples.map((value, i) => value / (b.samples[i] ?? value));
  return `${median(ratios).toFixed(2)}x`;
};

const engine = new CpuEngine(options.threads === undefined ? undefined : checkThreads(Number(options.threads)));
const model = await loadModel("embedded");
const text = heldOutTokens(model, Math.max(...lengths));
const { device, threads, versions, kernels } = engine.info;
print(`Command: \`npm run bench -- --lengths ${options.lengths} --repetitions ${options.repetitions}\``);
print();
print(
  `${new Date().toISOString().slice(0, 10)}, ${device}, ${threads} threads, onnxruntime-node ${versions["onnxruntime-node"] ?? "?"}, ` +
    `attention kernels ${kernels ?? "none"}, float32, embedded model, held-out text; medians (min to max) of ${repetitions} interleaved rounds after a warm-up.`,
);
const ceilings = await engine.measureCeilings();
print(`Measured ceilings: ${ceilings.matrixGflops.toFixed(0)} GFLOP/s, ${ceilings.copyGBps.toFixed(1)} GB/s.`);

print("\n### Attention of a hybrid block (one oracle, three sparse layers), prefill, ms\n");
print("| tokens | layers | full | hysparse | hybrid-swa | full / hysparse |");
print("|---|---|---|---|---|---|");
for (const length of lengths) {
  for (const block of await hybridBlocks(engine, model, text.subarray(0, length), repetitions, say)) {
    const [full, hysparse, swa] = (["full", "hysparse", "hybrid-swa"] as const).map((v) => block.variants.get(v));
    if (full === undefined || hysparse === undefined || swa === undefined) continue;
    print(
      `| ${length} | ${block.layers.join(" to ")} | ${ms(full)} | ${ms(hysparse)} | ${ms(swa)} | ${ratio(full, hysparse)} |`,
    );
  }
}

print("\n### One layer's full attention against onnxruntime's fused GroupQueryAttention, same inputs, ms\n");
print(
  "| phase | tokens | fused | ours | ours with scores and selection | graph with scores | fused / ours | graph / ours with scores | difference |",
);
print("|---|---|---|---|---|---|---|---|---|");
for (const length of lengths) {
  say(`${length} tokens, against the fused operator`);
  for (const row of await againstFused(model.architecture, threads, length, repetitions)) {
    print(
      `| ${row.phase} | ${length} | ${ms(row.fused)} | ${ms(row.ours)} | ${ms(row.scored)} | ${ms(row.graph)} | ` +
        `${ratio(row.fused, row.ours)} | ${ratio(row.graph, row.scored)} | ${row.difference.toExponential(1)} |`,
    );
  }
}

print("\n### Peak resident memory of one prefill and one decode step, all layers, a process each, MB\n");
print(`| tokens | ${VARIANTS.join(" | ")} |`);
print(`|---|${VARIANTS.map(() => "---|").join("")}`);
const peak = peakMeasurement("cpu", "embedded", { threads });
for (const length of lengths) {
  const cells: string[] = [];
  for (const variant of VARIANTS) {
    say(`${length} tokens, ${variant}, peak memory`);
    cells.push(((await peak(variant, text.subarray(0, length))) / 1e6).toFixed(0));
  }
  print(`| ${length} | ${cells.join(" | ")} |`);
}
await engine.dispose();
