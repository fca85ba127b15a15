import { Command } from "commander";
import { BASELINE } from "../designs/designs.ts";
import { CpuEngine } from "../engine/cpu/engine.ts";
import { VARIANTS } from "../engine/engine.ts";
import { checkThreads } from "../engine/machine.ts";
import { loadModel } from "../model/models.ts";
import { printLine as print, say } from "../cli/print.ts";
import { peakMeasurement } from "../profile/peak-memory.ts";
import { subjectOf } from "../profile/subject.ts";
import { againstFused } from "./cpu/against-fused.ts";
import { heldOutTokens } from "./cpu/held-out.ts";
import { hybridBlocks } from "./cpu/hybrid-block.ts";
import { layersInModel, meanOf, type LayerTimes } from "./cpu/in-model.ts";
import { ms, ratio } from "./cpu/tables.ts";
import { LOUD, valueTimes } from "./cpu/values.ts";

/** Every table, with the context lengths that it has where none are asked for. */
const TABLES = {
  block: { lengths: [8192, 32768], print: blockTable },
  fused: { lengths: [8192, 32768], print: fusedTable },
  values: { lengths: [1024, 4096], print: valuesTable },
  model: { lengths: [1024, 4096], print: modelTable },
  memory: { lengths: [8192, 32768], print: memoryTable },
} as const;
const NAMES = Object.keys(TABLES) as (keyof typeof TABLES)[];

const command = new Command("bench")
  .description("Measures the CPU engine's attention on this machine; prints Markdown tables (docs/benchmarks.md).")
  .option("--only <list>", "which tables, comma separated", NAMES.join())
  .option("--lengths <list>", "context lengths, comma separated (8192,32768; values and model: 1024,4096)")
  .option("--repetitions <n>", "timed rounds", "3")
  .option("--threads <n>", "CPU threads (one per core, within the CPU quota of a container)")
  .parse();
const options = command.opts<{ only: string; lengths?: string; repetitions: string; threads?: string }>();
const repetitions = Number(options.repetitions);
const wanted = options.only.split(",");
const stranger = wanted.find((name) => !NAMES.some((known) => known === name));
if (stranger !== undefined) command.error(`--only: there is no table "${stranger}"; there are ${NAMES.join(", ")}.`);

const engine = new CpuEngine(options.threads === undefined ? undefined : checkThreads(Number(options.threads)));
const model = await loadModel("embedded");
const { device, threads, versions, kernels } = engine.info;
print(`Command: \`npm run bench -- ${process.argv.slice(2).join(" ")}\``);
print();
print(
  `${new Date().toISOString().slice(0, 10)}, ${device}, ${threads} threads, onnxruntime-node ${versions["onnxruntime-node"] ?? "?"}, ` +
    `attention kernels ${kernels ?? "none"}, float32, embedded model, held-out text; medians (min to max) of ${repetitions} interleaved rounds after a warm-up.`,
);
const ceilings = await engine.measureCeilings();
print(`Measured ceilings: ${ceilings.matrixGflops.toFixed(0)} GFLOP/s, ${ceilings.copyGBps.toFixed(1)} GB/s.`);
for (const name of NAMES.filter((known) => wanted.includes(known))) {
  const table = TABLES[name];
  await table.print(options.lengths?.split(",").map(Number) ?? table.lengths);
}
await engine.dispose();

async function blockTable(lengths: readonly number[]): Promise<void> {
  print("\n### Attention of a hybrid block (one oracle, three sparse layers), prefill, ms\n");
  const subject = subjectOf(VARIANTS)!;
  print(`| tokens | layers | ${VARIANTS.join(" | ")} | ${BASELINE} / ${subject} |`);
  print(`|---|---|${VARIANTS.map(() => "---|").join("")}---|`);
  for (const length of lengths) {
    for (const { layers, variants } of await hybridBlocks(
      engine,
      model,
      heldOutTokens(model, length),
      repetitions,
      say,
    )) {
      const times = VARIANTS.map((variant) => ms(variants.get(variant)!)).join(" | ");
      const against = ratio(variants.get(BASELINE)!, variants.get(subject)!);
      print(`| ${length} | ${layers.join(" to ")} | ${times} | ${against} |`);
    }
  }
}

async function fusedTable(lengths: readonly number[]): Promise<void> {
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
}

async function valuesTable(lengths: readonly number[]): Promise<void> {
  print(`\n### Time that depends on values: one layer, ordinary logits and ${LOUD} times as large ones, ms\n`);
  print(`| phase | tokens | attention | ordinary | logits x ${LOUD} | ratio |`);
  print("|---|---|---|---|---|---|");
  for (const length of lengths) {
    say(`${length} tokens, ordinary values and loud ones`);
    for (const row of await valueTimes(model.architecture, threads, length, repetitions)) {
      print(
        `| ${row.phase} | ${length} | ${row.what} | ${ms(row.ordinary)} | ${ms(row.loud)} | ${ratio(row.loud, row.ordinary)} |`,
      );
    }
  }
}

async function modelTable(lengths: readonly number[]): Promise<void> {
  print("\n### In the model / alone: a layer's attention over a whole prefill, mean of the layers named, ms\n");
  print(
    "| tokens | variant | layers | in the model | alone, same inputs | alone, ordinary values | model / alone | same / ordinary |",
  );
  print("|---|---|---|---|---|---|---|---|");
  const equal: string[] = [];
  for (const length of lengths) {
    for (const variant of VARIANTS) {
      say(`${length} tokens, ${variant}, in the model and alone`);
      const layers = await layersInModel(engine, model, variant, heldOutTokens(model, length), repetitions);
      for (const [what, group] of groups(layers)) {
        const [inside, alone, ordinary] = (["inModel", "alone", "ordinary"] as const).map((at) => meanOf(group, at));
        if (inside === undefined || alone === undefined || ordinary === undefined) continue;
        print(
          `| ${length} | ${variant} | ${what} ${group.map(({ layer }) => layer).join(", ")} | ${ms(inside)} | ${ms(alone)} | ` +
            `${ms(ordinary)} | ${ratio(inside, alone)} | ${ratio(alone, ordinary)} |`,
        );
      }
      if (variant !== BASELINE) continue;
      const { sparsePerFull } = model.architecture;
      const mean = (of: readonly LayerTimes[]): ReturnType<typeof meanOf> => meanOf(of, "inModel");
      const between = mean(layers.slice(1, sparsePerFull + 1));
      const around = mean([0, sparsePerFull + 1].flatMap((layer) => layers[layer] ?? []));
      equal.push(`| ${length} | ${ms(between)} | ${ms(around)} | ${ratio(between, around)} |`);
    }
  }
  const { sparsePerFull } = model.architecture;
  print("\n### Layers of equal work under `full`, in the model: attention of one layer, mean, ms\n");
  print(`| tokens | layers 1 to ${sparsePerFull} | layers 0 and ${sparsePerFull + 1} | ratio |`);
  print("|---|---|---|---|");
  for (const row of equal) print(row);
}

/** Layers that do the same work, in order. */
function groups(layers: readonly LayerTimes[]): ReadonlyMap<string, LayerTimes[]> {
  const found = new Map<string, LayerTimes[]>();
  for (const layer of layers) {
    const what = layer.oracle ? "oracle" : layer.mixer;
    found.set(what, [...(found.get(what) ?? []), layer]);
  }
  return found;
}

async function memoryTable(lengths: readonly number[]): Promise<void> {
  print("\n### Peak resident memory of one prefill and one decode step, all layers, a process each, MB\n");
  print(`| tokens | ${VARIANTS.join(" | ")} |`);
  print(`|---|${VARIANTS.map(() => "---|").join("")}`);
  const peak = peakMeasurement("cpu", "embedded", { threads });
  for (const length of lengths) {
    const cells: string[] = [];
    for (const variant of VARIANTS) {
      say(`${length} tokens, ${variant}, peak memory`);
      cells.push(((await peak(variant, heldOutTokens(model, length))) / 1e6).toFixed(0));
    }
    print(`| ${length} | ${cells.join(" | ")} |`);
  }
}
