import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineFiles, nativeFiles, nativePackages } from "../../../src/build/natives.ts";
import { deviceList } from "../../../src/cli/devices.ts";
import { command } from "../../../src/cli/options.ts";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import { createEngine, ENGINES, listEngines } from "../../../src/engine/registry.ts";
import type { Device, EngineOptions, EngineRow } from "../../../src/engine/row.ts";
import { engineItems } from "../../../src/extension/engine-items.ts";
import { UserError } from "../../../src/model/errors.ts";
import { devicesSchema, type Devices } from "../../../src/protocol/jobs.ts";

const LINUX = { system: "linux", arch: "x64" };
const WINDOWS = { system: "win32", arch: "x64" };

const FAST: Device = { index: 0, name: "Abacus 9", description: "0: Abacus 9", software: false, address: "Abacus 9" };
const SOFT: Device = { index: 1, name: "Paper", description: "1: Paper", software: true, address: "Paper" };

/** What one of these rows was opened with. */
type Opened = EngineOptions & { readonly id: string };

/** A row with these devices; with an Error in their place it cannot look. */
function made(changes: Partial<EngineRow>, found: readonly Device[] | Error, opened: Opened[] = []): EngineRow {
  const row: EngineRow = {
    id: "abacus",
    title: "Abacus",
    noun: "frame",
    description: "beads on wires",
    settings: ["gpu", "threads"],
    hint: "is the frame oiled?",
    natives: [{ name: "zod", title: "beads", files: ({ system }) => (system === "linux" ? ["package.json"] : []) }],
    files: ({ system }) => (system === "linux" ? ["media/icon.png"] : []),
    processes: [],
    devices: () => (found instanceof Error ? Promise.reject(found) : Promise.resolve(found)),
    open: ({ gpu, threads }) => {
      opened.push({ id: row.id, gpu, threads });
      return Promise.resolve(new ReferenceEngine());
    },
    ...changes,
  };
  return row;
}

/** Rows that need no machine: an accelerator without devices, and a processor. */
const EMPTY = made({ id: "gone", noun: "sundial", settings: ["gpu"] }, []);
function processor(opened: Opened[] = []): EngineRow {
  return made({ id: "hand", title: "Hand", noun: "hand", settings: ["threads"] }, [FAST], opened);
}

/** As they cross the border between processes. */
async function listed(rows: readonly EngineRow[]): Promise<Devices> {
  return devicesSchema.parse({ ...(await listEngines(rows)), models: [] });
}

function refused(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof UserError && message.test(error.message);
}

describe("a further engine is one row", () => {
  const rows = [made({}, [FAST, SOFT]), ...ENGINES];

  it("in the help and the error of the command line", async () => {
    const help = command(rows).helpInformation();
    assert.match(help.replace(/\s+/gu, " "), /auto, abacus, webgpu, cuda, cpu or reference/u);
    await assert.rejects(
      createEngine("abaci", {}, rows),
      refused(/available: auto, abacus \(beads on wires\), webgpu/u),
    );
  });

  it("in the list of devices, with why it has none", async () => {
    const { engines, devices } = await listed(rows);
    assert.deepEqual(
      engines.map(({ id }) => id),
      ["abacus", "webgpu", "cuda", "cpu", "reference"],
    );
    assert.deepEqual(devices.slice(0, 2), [
      { engine: "abacus", ...FAST },
      { engine: "abacus", ...SOFT },
    ]);
    assert.ok(
      devices.some(({ engine, software }) => engine === "cpu" && !software),
      "a processor is a real device",
    );
    const text = deviceList(await listed([made({}, [FAST]), EMPTY, made({ id: "lost" }, new UserError("no wires"))]));
    assert.match(text, /^ {2}abacus: beads on wires$/mu);
    assert.match(text, /frames of abacus \(--gpu.*\n {2}0: Abacus 9\n/u);
    assert.match(text, /sundials of gone.*\n {2}none: is the frame oiled\?/u);
    assert.match(text, /of lost.*\n {2}none: no wires\n/u);
  });

  it("in the editor's picker, its devices told from those of others", async () => {
    const other = made({ id: "other", title: "Other", settings: ["gpu"] }, [FAST]);
    const items = engineItems(await listed([made({}, [FAST, SOFT]), other, processor()]), {
      engine: "other",
      gpu: "abacus",
    });
    assert.deepEqual(
      items.map(({ label, description, engine, gpu }) => [label, description, engine, gpu]),
      [
        ["Automatic", "", "auto", ""],
        ["0: Abacus 9", "Abacus", "abacus", "Abacus 9"],
        ["1: Paper", "Abacus, software, for testing only: its times say nothing about GPUs", "abacus", "Paper"],
        ["0: Abacus 9", "Other, current", "other", "Abacus 9"],
        ["Hand", "", "hand", ""],
      ],
    );
    const checking = made({ caveat: "only for checking" }, [FAST]);
    assert.equal(engineItems(await listed([checking]), { engine: "auto", gpu: undefined }).length, 1);
  });

  it("in packages for the platforms that it has files for", () => {
    assert.ok(nativeFiles(LINUX, rows).includes("node_modules/zod/package.json"));
    assert.ok(engineFiles(LINUX, rows).includes("media/icon.png"));
    assert.deepEqual(nativeFiles(WINDOWS, rows), nativeFiles(WINDOWS));
    assert.deepEqual(engineFiles(WINDOWS, rows), engineFiles(WINDOWS));
    assert.deepEqual(
      nativePackages(rows).map(({ name }) => name),
      ["zod", ...nativePackages().map(({ name }) => name)],
    );
    const broken = made({ files: () => ["kernels/not-there.so"] }, []);
    assert.throws(() => engineFiles(LINUX, [broken]), /kernels\/not-there\.so is missing/u);
  });
});

describe("auto", () => {
  const reasonOf = async (...rows: EngineRow[]): Promise<string> => (await createEngine("auto", {}, rows)).reason;

  it("takes the first engine with a real device that can be opened, and says what the others lack", async () => {
    assert.equal(await reasonOf(made({}, [SOFT, FAST]), processor()), "first frame found");
    assert.equal(await reasonOf(EMPTY, processor()), "no sundial found");
    const soft = made({}, [SOFT]);
    const locked = made({ noun: "lock" }, [{ ...FAST, obstacle: "taken" }]);
    assert.match(await reasonOf(soft, locked, processor()), /^only a software frame found; /u);
    const lost = made({}, new UserError("no wires"));
    assert.equal(await reasonOf(lost, processor()), "no wires");
    await assert.rejects(createEngine("auto", {}, [EMPTY]), refused(/no engine can run here: no sundial found/u));
  });

  it("does not hide a fault of an engine", async () => {
    await assert.rejects(createEngine("auto", {}, [made({}, new TypeError("a bug")), processor()]), TypeError);
  });

  it("takes the engine whose device is named, and never another device", async () => {
    const opened: Opened[] = [];
    const paper = made({ id: "paper", settings: ["gpu"] }, [SOFT], opened);
    await createEngine("auto", { gpu: "paper" }, [processor(opened), made({}, [FAST], opened), paper]);
    assert.deepEqual(opened, [{ id: "paper", gpu: "paper", threads: undefined }]);
    const strict = made({ open: () => Promise.reject(new UserError('there is no GPU "H200"')) }, [FAST]);
    await assert.rejects(createEngine("auto", { gpu: "H200" }, [strict, paper]), refused(/no GPU "H200"/u));
    await assert.rejects(
      createEngine("auto", { gpu: "H200" }, [processor()]),
      refused(/no engine understands --gpu H200/u),
    );
  });
});

describe("settings of engines", () => {
  const rows = [EMPTY, processor(), made({}, [FAST])];

  it("are refused by an engine that does not understand them, with those that do", async () => {
    await assert.rejects(
      createEngine("hand", { gpu: "0" }, rows),
      refused(/^--gpu 0 applies to the gone or abacus engine, not to hand$/u),
    );
    await assert.rejects(
      createEngine("gone", { threads: 2 }, rows),
      refused(/the hand or abacus engine, not to gone/u),
    );
  });

  it("may hold only where they are understood", async () => {
    await createEngine("gone", { threads: 2, ifUnderstood: ["threads"] }, rows);
    await assert.rejects(createEngine("hand", { gpu: "0", ifUnderstood: ["threads"] }, rows), refused(/not to hand/u));
  });
});
