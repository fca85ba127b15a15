import { median } from "simple-statistics";
import { BASELINE } from "../../designs/designs.ts";
import { VARIANTS, type Variant } from "../../engine/engine.ts";
import type { WebGpuEngine } from "../../engine/webgpu/engine.ts";
import type { Model } from "../../model/model.ts";
import { runVariant, type VariantRun } from "../../profile/run-variant.ts";
import { heldOutTokens } from "../cpu/held-out.ts";

const DECODED = 16;
const PLACES = 3;

/** A table of whole prefills and decodes of a model, every variant, interleaved; then for each length one by layer. */
export async function wholeModel(
  engine: WebGpuEngine,
  model: Model,
  lengths: readonly number[],
  repetitions: number,
  print: (line?: string) => void,
): Promise<void> {
  const text = heldOutTokens(model, Math.max(...lengths));
  print(`\n### ${model.name}, whole prefill and ${DECODED} decoded tokens (wall clock, layers by device clock), ms\n`);
  print(`| tokens | variant | prefill | sum of layers | per output token | KV MB | ${BASELINE} / this, prefill |`);
  print("|---|---|---|---|---|---|---|");
  const measured = new Map<number, ReadonlyMap<Variant, readonly VariantRun[]>>();
  for (const length of lengths) {
    const runs = await measure(engine, model, text.subarray(0, length), repetitions);
    measured.set(length, runs);
    const full = medianOf(runs.get(BASELINE), prefillMs);
    for (const [variant, all] of runs) {
      const prefill = medianOf(all, prefillMs);
      const bytes = all[0]?.kvBytes.reduce((total, one) => total + one, 0) ?? 0;
      print(
        `| ${length} | ${variant} | ${prefill.toFixed(1)} | ${medianOf(all, layersMs).toFixed(1)} | ` +
          `${medianOf(all, ({ perTokenMs }) => perTokenMs ?? 0).toFixed(2)} | ${(bytes / 1e6).toFixed(1)} | ${(full / prefill).toFixed(2)}x |`,
      );
    }
  }
  for (const [length, runs] of measured) byLayer(length, runs, print);
}

async function measure(
  engine: WebGpuEngine,
  model: Model,
  tokens: Uint32Array,
  repetitions: number,
): Promise<Map<Variant, VariantRun[]>> {
  const runs = new Map<Variant, VariantRun[]>(VARIANTS.map((variant) => [variant, []]));
  const runners = await Promise.all(VARIANTS.map((variant) => engine.load(model, variant)));
  for (let round = -1; round < repetitions; round++) {
    for (const runner of runners) {
      await engine.wake();
      const run = await runVariant(runner, tokens, { decodeTokens: DECODED, onProgress: () => undefined });
      if (round >= 0) runs.get(runner.variant)?.push(run);
    }
  }
  for (const runner of runners) await runner.dispose();
  return runs;
}

function byLayer(
  length: number,
  runs: ReadonlyMap<Variant, readonly VariantRun[]>,
  print: (line?: string) => void,
): void {
  const layers = runs.get(BASELINE)?.[0]?.prefillStages.length ?? 0;
  print(`\n### By layer, prefill of ${length} tokens, device clock, ms (attention of it)\n`);
  print(`| layer | ${[...runs.keys()].join(" | ")} |`);
  print(`|---|${[...runs.keys()].map(() => "---|").join("")}`);
  for (let layer = 0; layer < layers; layer++) {
    const cells = [...runs.values()].map((all) => {
      const whole = medianOf(all, (run) => layerMs(run, layer));
      const attend = medianOf(all, (run) => run.prefillStages[layer]?.get("attend") ?? 0);
      return `${whole.toFixed(PLACES)} (${attend.toFixed(PLACES)})`;
    });
    print(`| ${layer} | ${cells.join(" | ")} |`);
  }
}

function prefillMs(run: VariantRun): number {
  return run.prefillMs;
}

function layersMs(run: VariantRun): number {
  return run.prefillStages.reduce((total, _, layer) => total + layerMs(run, layer), 0);
}

function layerMs(run: VariantRun, layer: number): number {
  const stages = run.prefillStages[layer];
  return (["project", "attend", "output", "mlp"] as const).reduce(
    (total, stage) => total + (stages?.get(stage) ?? 0),
    0,
  );
}

function medianOf(runs: readonly VariantRun[] | undefined, value: (run: VariantRun) => number): number {
  return runs === undefined || runs.length === 0 ? NaN : median(runs.map(value));
}
