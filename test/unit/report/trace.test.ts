import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { z } from "zod";
import type { Report } from "../../../src/protocol/report.ts";
import { readReport } from "../../../src/report/json.ts";
import { STAGE_NAMES, VARIANT_NAMES } from "../../../src/report/names.ts";
import { TRACE_NOTE, traceText } from "../../../src/report/trace.ts";
import { variantsOf } from "../../../src/report/breakdown.ts";
import { sampleReport } from "./sample-report.ts";

const eventSchema = z.strictObject({
  ph: z.enum(["X", "M"]),
  pid: z.int(),
  tid: z.int(),
  name: z.string(),
  cat: z.enum(["variant", "phase", "layer", "stage"]).optional(),
  ts: z.number().nonnegative().optional(),
  dur: z.number().positive().optional(),
  args: z.record(z.string(), z.unknown()),
});
const traceSchema = z.strictObject({
  displayTimeUnit: z.literal("ms"),
  otherData: z.record(z.string(), z.unknown()),
  traceEvents: z.array(eventSchema),
});

interface Slice {
  readonly name: string;
  readonly category: string;
  readonly from: number;
  readonly to: number;
  readonly args: Readonly<Record<string, unknown>>;
  readonly inside: Slice[];
}

/** The slices of each process as a tree, in nanoseconds; fails where they are not strictly nested and in order. */
function trees(report: Report): Map<string, Slice> {
  const { traceEvents } = traceSchema.parse(JSON.parse(traceText(report)));
  const roots = new Map<string, Slice>();
  for (const pid of new Set(traceEvents.map((event) => event.pid))) {
    const own = traceEvents.filter((event) => event.pid === pid);
    const name = own.find((event) => event.name === "process_name")?.args.name;
    const stack: Slice[] = [];
    let last = 0;
    for (const { ph, name: title, cat, ts, dur, args } of own) {
      if (ph === "M") continue;
      assert.ok(ts !== undefined && dur !== undefined && cat !== undefined);
      const from = Math.round(ts * 1000);
      const slice: Slice = { name: title, category: cat, from, to: from + Math.round(dur * 1000), args, inside: [] };
      assert.ok(from >= last, `${title} is in order`);
      last = from;
      while (stack.length > 0 && stack.at(-1)!.to <= from) stack.pop();
      const parent = stack.at(-1);
      if (parent === undefined) {
        assert.ok(!roots.has(String(name)), "one outermost slice a process");
        roots.set(String(name), slice);
      } else {
        assert.ok(slice.to <= parent.to, `${title} ends in ${parent.name}`);
        parent.inside.push(slice);
      }
      stack.push(slice);
    }
  }
  return roots;
}

const shipped = new URL("../../../media/samples/", import.meta.url);
const samples: readonly (readonly [string, Report])[] = [
  ["made up", sampleReport()],
  ["prefill only, once", sampleReport({ decodeTokens: 0, repetitions: 1 })],
  ["one variant", sampleReport({ variants: ["hybrid-swa"] })],
  ...readdirSync(shipped)
    .filter((name) => name.endsWith(".hysparse.json"))
    .map((name): [string, Report] => [name, readReport(readFileSync(new URL(name, shipped), "utf8"), name)]),
];

describe("trace", () => {
  for (const [title, report] of samples) {
    it(`nests variant, phase, layer, stage and parts of attend (${title})`, () => {
      const roots = trees(report);
      assert.deepEqual(
        [...roots.keys()],
        variantsOf(report).map(({ name }) => VARIANT_NAMES[name]),
      );
      for (const { name, data } of variantsOf(report)) {
        const root = roots.get(VARIANT_NAMES[name])!;
        const decoded = data.totals.timePerOutputTokenMs !== undefined;
        assert.equal(root.category, "variant");
        assert.deepEqual(
          root.inside.map((phase) => phase.name),
          decoded ? ["Prefill", "One output token"] : ["Prefill"],
        );
        const prefill = root.inside[0]!;
        assert.ok(Math.abs(prefill.to - prefill.from - data.totals.prefillMs * 1e6) <= 1, "the phase keeps its median");
        for (const [i, phase] of root.inside.entries()) {
          const layers = phase.inside.filter((slice) => slice.name.startsWith("Layer "));
          assert.equal(layers.length, data.layers.length);
          for (const [index, layer] of layers.entries()) {
            const measured = i === 0 ? data.layers[index]!.prefill : data.layers[index]!.decode!;
            assert.equal(layer.category, "layer");
            assert.deepEqual(layer.args.samplesMs, measured.samples);
            assert.equal(layer.args.kind, data.layers[index]!.kind);
            assert.ok(layer.to - layer.from <= measured.medianMs * 1e6 + 1);
            const attend = layer.inside.find((stage) => stage.name === STAGE_NAMES.attend);
            assert.ok(attend, "attend is drawn");
            const parts = (["score", "select", "sparse", "window"] as const).filter((part) => measured.stages[part]);
            assert.deepEqual(
              attend.inside.map((part) => part.name),
              parts.map((part) => STAGE_NAMES[part]),
            );
            for (const stage of [...layer.inside, ...attend.inside]) {
              assert.equal(stage.category, "stage");
              for (const key of ["medianMs", "floorMs", "flops", "bytes"])
                assert.ok(Number.isFinite(stage.args[key]), `${stage.name} has ${key}`);
            }
          }
        }
      }
    });
  }

  it("draws parts shorter where their medians add up to more than the whole, and keeps the measured times", () => {
    const report = sampleReport();
    const data = report.variants.full!;
    data.totals.prefillMs = data.layers.reduce((sum, layer) => sum + layer.prefill.medianMs, 0) / 2;
    const prefill = trees(report).get(VARIANT_NAMES.full)!.inside[0]!;
    assert.equal(prefill.inside.length, data.layers.length, "nothing is left beside the layers");
    const [first] = prefill.inside;
    assert.ok(Math.abs(first!.to - first!.from - data.layers[0]!.prefill.medianMs * 0.5e6) <= 1);
    assert.equal(first!.args.medianMs, data.layers[0]!.prefill.medianMs);
  });

  it("leaves out what takes no time", () => {
    const report = sampleReport({ variants: ["full"] });
    report.variants.full!.layers[2]!.prefill.stages.output!.medianMs = 0;
    const layer = trees(report).get(VARIANT_NAMES.full)!.inside[0]!.inside[2]!;
    assert.deepEqual(
      layer.inside.map((stage) => stage.name),
      [STAGE_NAMES.project, STAGE_NAMES.attend, STAGE_NAMES.mlp],
    );
  });

  it("says that it is no recording, in its metadata and on every track", () => {
    const report = sampleReport();
    const { otherData, traceEvents } = traceSchema.parse(JSON.parse(traceText(report)));
    assert.equal(otherData.note, TRACE_NOTE);
    assert.match(TRACE_NOTE, /^Not a recording: .*median.*end to end/);
    const labels = traceEvents.filter((event) => event.name === "process_labels");
    assert.equal(labels.length, 3);
    for (const { args } of labels) assert.equal(args.labels, "medians laid end to end, not a recording");
  });
});
