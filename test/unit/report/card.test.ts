import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { packageFile } from "../../../src/model/package-root.ts";
import { card, command } from "../../../src/report/card.ts";
import type { Report } from "../../../src/protocol/report.ts";
import { sampleReport } from "./sample-report.ts";

const gpu: NonNullable<Report["environment"]["gpu"]> = {
  backend: "vulkan",
  driver: "NVIDIA: 580.159.04",
  arithmetic: "matrix units, float16 products, float32 sums",
  software: false,
  subgroupSize: 32,
  freeBytes: 140 * 2 ** 30,
};

function onGpu(changes: Partial<typeof gpu> = {}): Report {
  const report = sampleReport();
  const environment = { ...report.environment, engine: "webgpu", device: "NVIDIA H200", dtype: "float16" };
  return { ...report, environment: { ...environment, gpu: { ...gpu, ...changes } } };
}

function row(report: Report, name: string): string {
  return card(report).find((one) => one.name === name)?.text ?? "";
}

describe("the command that repeats a report", () => {
  it("names the threads only where they were asked for", () => {
    const report = sampleReport();
    assert.doesNotMatch(command(report, "command line"), /--threads/);
    report.settings.threads = 1;
    assert.match(command(report, "command line"), / --threads 1 /);
  });
});

describe("what repeats a report in the editor", () => {
  it("is a command of the palette, with the settings that the editor has", () => {
    const report = onGpu();
    report.settings = { ...report.settings, rounds: "auto", fidelity: true, swaps: true, maxTokens: 400 };
    const text = command(report, "editor");
    assert.match(text, /^HySparse: Profile Document, with the settings "hysparse\.engine": "webgpu", /);
    assert.match(text, /"hysparse\.gpu": "NVIDIA H200", "hysparse\.model": /);
    assert.match(text, /"hysparse\.variants": \["hysparse",/);
    assert.match(text, /"hysparse\.repetitions": 0, /);
    assert.match(text, /"hysparse\.maxTokens": 400, "hysparse\.selectionChecks": true$/);
    assert.doesNotMatch(text, /npm|--|chunk/);
    report.settings.sweep = [512, 1024];
    assert.match(command(report, "editor"), /^HySparse: Context-Length Sweep,/);
  });

  it("names commands that are contributed", () => {
    const manifest = readFileSync(packageFile("package.json"), "utf8");
    for (const title of ["Profile Document", "Context-Length Sweep"])
      assert.ok(manifest.includes(`"title": "${title}"`));
  });
});

describe("the card of a report from a container", () => {
  it("gives the quota beside the threads", () => {
    const report = sampleReport();
    report.environment.container = { cpus: 1.5 };
    assert.match(row(report, "Device"), /, 2 threads \(CPU quota 1\.5 cores\), 24 GiB memory,/);
  });
});

describe("the card of a report from a GPU", () => {
  it("names device, driver, path taken and free memory", () => {
    assert.match(row(onGpu(), "Device"), /^NVIDIA H200, 140 GiB free, vulkan, NVIDIA: 580/);
    assert.match(row(onGpu(), "Engine"), /float16 weights and KV cache, matrix units, float16 products, float32 sums/);
  });

  it("says aloud when the GPU is a program", () => {
    assert.match(row(onGpu({ software: true }), "Device"), /a program on the CPU, no real GPU/);
  });

  it("repeats the checks of the selection that were asked for", () => {
    assert.doesNotMatch(command(onGpu(), "command line"), /--fidelity|--swaps/);
    const { settings, ...rest } = onGpu();
    assert.match(
      command({ ...rest, settings: { ...settings, fidelity: true, swaps: true } }, "command line"),
      /--fidelity --swaps$/,
    );
  });

  it("repeats the measurement on the same GPU", () => {
    assert.match(command(onGpu(), "command line"), /--engine webgpu --gpu 'NVIDIA H200'/);
  });
});
