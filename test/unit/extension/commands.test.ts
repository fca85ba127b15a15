import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { changeContexts, INITIAL_CONTEXTS } from "../../../src/extension/contexts.ts";
import { engineItems } from "../../../src/extension/engine-items.ts";
import { modelItems } from "../../../src/extension/model-items.ts";
import { modelProblem, settingsFrom } from "../../../src/extension/settings-values.ts";
import { shareText, statusOf } from "../../../src/extension/status-text.ts";
import { chooseTarget, MAX_CHARACTERS, textProblem, type Showing } from "../../../src/extension/target.ts";
import type { Devices } from "../../../src/protocol/jobs.ts";
import type { Job } from "../../../src/protocol/panel.ts";

describe("what is profiled", () => {
  const showing = (tab: Showing["tab"], editor = true, profiled = false): Showing => ({ tab, editor, profiled });

  it("the editor in front", () => {
    assert.deepEqual(chooseTarget(showing("text")), { take: "editor" });
    assert.deepEqual(chooseTarget(showing("none")), { take: "editor" });
  });

  it("on our own page the document of its report, else a text beside it", () => {
    assert.deepEqual(chooseTarget(showing("ours", true, true)), { take: "profiled" });
    assert.deepEqual(chooseTarget(showing("ours")), { take: "editor" });
  });

  it("nothing else, and each no names the way out", () => {
    for (const [tab, pattern] of [
      ["notebook", /notebook.*Text Editor/u],
      ["custom", /no text.*Text Editor/u],
      ["webview", /no text.*Open a text file/iu],
      ["terminal", /no text.*Open a text file/iu],
    ] as const) {
      const target = chooseTarget(showing(tab));
      assert.ok("problem" in target);
      assert.match(target.problem, pattern);
    }
    const binary = chooseTarget(showing("text", false));
    assert.match("problem" in binary ? binary.problem : "", /no text.*binary.*Open a text file/u);
    for (const tab of ["ours", "none"] as const) {
      const target = chooseTarget(showing(tab, false));
      assert.ok("problem" in target);
      assert.match(target.problem, /No document is open\. Open a text file/u);
    }
  });

  it("no text without anything to read", () => {
    assert.match(textProblem("", "a.md") ?? "", /^a\.md is empty/u);
    assert.match(textProblem(" \n\t", "a.md") ?? "", /whitespace/u);
    assert.match(textProblem("a\0b", "a.md") ?? "", /binary/u);
    assert.match(textProblem("x".repeat(MAX_CHARACTERS + 1), "a.md") ?? "", /too large.*Profile Selection/u);
    assert.equal(textProblem("words", "a.md"), undefined);
  });
});

describe("settings", () => {
  it("out of range or of another type give way to the nearest right value", () => {
    const values: Record<string, unknown> = {
      repetitions: 1000,
      decodeTokens: -3,
      maxTokens: "many",
      variants: ["full", "unknown"],
      importance: "all",
      selectionChecks: "yes",
      highlights: "yes",
      includeText: 1,
      engine: 7,
      gpu: "  ",
      model: " paper-7b ",
      "runtime.idleMinutes": 0,
    };
    assert.deepEqual(
      settingsFrom((name) => values[name]),
      {
        place: { engine: "auto", model: "paper-7b" },
        chosen: { variants: ["full"], repetitions: 100, decodeTokens: 0, importance: "document" },
        highlights: true,
        includeText: false,
        idleMinutes: 0.1,
        nodePath: undefined,
      },
    );
  });

  it("a checkpoint folder needs trust", () => {
    assert.equal(modelProblem("/checkpoints/mine", true), undefined);
    assert.match(modelProblem("/checkpoints/mine", false) ?? "", /Restricted Mode/u);
    assert.equal(modelProblem("paper-80b-a3b", false), undefined);
  });
});

describe("context keys", () => {
  it("are told only when they change", () => {
    const told: [string, boolean][] = [];
    const set = (key: string, value: boolean): void => void told.push([key, value]);
    const busy = changeContexts(INITIAL_CONTEXTS, { ...INITIAL_CONTEXTS, busy: true }, set);
    changeContexts(busy, { ...busy, hasReport: true }, set);
    assert.deepEqual(told, [
      ["hysparse.busy", true],
      ["hysparse.hasReport", true],
    ]);
  });
});

describe("the status bar", () => {
  const job = (progress: Job["progress"], stopping = false): Job => ({ title: "Profile of a.md", progress, stopping });

  it("says idle, starting, busy with its share, stopping, failed and edited", () => {
    assert.equal(statusOf("stopped", undefined, false).text, "$(graph) HySparse");
    assert.match(statusOf("starting", undefined, false).text, /starting/u);
    const running = job({ kind: "progress", phase: "prefill 2 of 3", done: 42.9, total: 100 });
    const busy = statusOf("busy", running, false);
    assert.match(busy.text, /42 %/u);
    assert.match(busy.tooltip, /prefill 2 of 3/u);
    assert.match(statusOf("busy", { ...running, stopping: true }, false).text, /stopping/u);
    const failed = statusOf("failed", undefined, false);
    assert.equal(failed.command, "showLog");
    assert.equal(failed.failed, true);
    assert.match(statusOf("ready", undefined, true).text, /edited/u);
  });

  it("names the step while nobody knows how much there is to do", () => {
    assert.equal(shareText(job({ kind: "phase", text: "loading the model" })), "loading the model");
  });
});

const DEVICES: Devices = {
  engines: [
    { id: "webgpu", title: "GPU (WebGPU)", noun: "GPU", description: "our kernels", settings: ["gpu"] },
    { id: "cpu", title: "CPU", noun: "CPU", description: "onnxruntime", settings: ["threads"] },
    { id: "reference", title: "R", noun: "r", description: "float64 loops", settings: [], caveat: "for checking" },
  ],
  models: [
    { id: "embedded", description: "trained" },
    { id: "paper-7b", description: "random weights" },
  ],
  devices: [
    { index: 0, name: "Fast GPU", description: "Fast GPU, vulkan", software: false, address: "Fast GPU" },
    { index: 1, name: "Twin", description: "Twin A", software: false, address: "1" },
    { index: 2, name: "Twin", description: "Twin B", software: false, address: "2", obstacle: "only the first" },
    { index: 3, name: "SwiftShader", description: "on the CPU", software: true, address: "SwiftShader" },
  ].map((device) => ({ engine: "webgpu", ...device })),
};

describe("choosing an engine", () => {
  it("lists GPUs by name, twins by index, marks software and the current choice, offers no test engine", () => {
    const items = engineItems(DEVICES, { engine: "webgpu", gpu: "2" });
    assert.deepEqual(
      items.map(({ label, engine, gpu }) => [label, engine, gpu]),
      [
        ["Automatic", "auto", ""],
        ["0: Fast GPU", "webgpu", "Fast GPU"],
        ["1: Twin", "webgpu", "1"],
        ["2: Twin", "webgpu", "2"],
        ["3: SwiftShader", "webgpu", "SwiftShader"],
        ["CPU", "cpu", ""],
      ],
    );
    assert.deepEqual(
      items.flatMap(({ description }, index) => (description.includes("current") ? [index] : [])),
      [3],
    );
    assert.match(items[4]!.description, /software/u);
    assert.deepEqual(
      items.flatMap(({ problem }) => problem ?? []),
      ["only the first"],
    );
  });

  it("marks the GPU that a part of a name means, as an older version wrote it, and none where it means two", () => {
    const current = (gpu: string): string[] =>
      engineItems(DEVICES, { engine: "webgpu", gpu })
        .filter(({ description }) => description.includes("current"))
        .map(({ label }) => label);
    assert.deepEqual(current("swift"), ["3: SwiftShader"]);
    assert.deepEqual(current("twin"), []);
  });

  it("says why there is no GPU", () => {
    const engines = DEVICES.engines.map((engine) =>
      engine.id === "webgpu" ? { ...engine, trouble: "no Vulkan loader" } : engine,
    );
    const items = engineItems({ engines, devices: [] }, { engine: "auto", gpu: undefined });
    assert.equal(items[0]!.description, "current");
    assert.match(items.find(({ engine }) => engine === "webgpu")!.description, /no Vulkan loader/u);
  });
});

describe("choosing a model", () => {
  it("offers a folder only where the workspace is trusted", () => {
    const labels = (trusted: boolean): string[] => modelItems(DEVICES, "embedded", trusted).map(({ label }) => label);
    assert.deepEqual(labels(false), ["embedded", "paper-7b"]);
    assert.deepEqual(labels(true), ["embedded", "paper-7b", "Checkpoint Folder..."]);
  });

  it("marks the current one, a folder too", () => {
    assert.equal(modelItems(DEVICES, "paper-7b", true)[1]!.description, "current");
    assert.equal(modelItems(DEVICES, "/my/checkpoint", true)[2]!.description, "current: /my/checkpoint");
  });
});
