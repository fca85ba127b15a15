import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { stage } from "../../src/build/stage.ts";
import { TARGETS } from "../../src/build/targets.ts";
import { packageFile } from "../../src/model/package-root.ts";
import { readReport } from "../../src/report/json.ts";
import { checkpointTensors, TINY, tinyConfig, tinyModel, withCheckpoint } from "../fixtures/model/checkpoint-folder.ts";
import { writeSafetensors } from "../fixtures/model/safetensors-bytes.ts";
import { testGpu } from "../kernels/gpu.ts";
import { traced, whyNotTraced, type Traced } from "./traced.ts";

/**
 * docs/privacy.md: nothing leaves the machine, and nothing but outputs and named caches is written. Whole profiles with all their
 * processes, run by a user whose home is empty.
 */
const DOCUMENT = packageFile("media/samples/retry-queue.ts");
const COMMAND = ["--import", "tsx", "src/cli/main.ts"];
const HERE = `${process.platform}-${process.arch}`;
const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

const why = whyNotTraced();
const gpu = why === undefined ? await testGpu() : { gpu: undefined, why };
const work = mkdtempSync(join(tmpdir(), "hysparse-privacy-"));
after(() => rmSync(work, { recursive: true, force: true }));

/** A folder of its own for what a run writes. */
const outputs = (): string => mkdtempSync(join(work, "outputs-"));

function assertQuiet(
  { code, err, foreign, home, temporary }: Traced,
  { caches }: { readonly caches?: RegExp } = {},
): void {
  assert.equal(code, 0, err);
  assert.deepEqual(foreign, []);
  assert.deepEqual(home, []);
  assert.deepEqual(
    temporary.filter((path) => caches?.test(path) !== true),
    [],
    "left for others to clean up",
  );
}

/** The one cache that the source tree keeps: tsx's, of compiled sources. */
const TSX = { caches: /^tsx-\d+(\/|$)/ };

describe("nothing leaves the machine", { skip: why ?? false, concurrency: 1, timeout: 240_000 }, () => {
  it("the watch notices what it is there for", async (t) => {
    const { foreign, home } = await traced(t, [fixture("with-telemetry.cjs")], outputs());
    assert.ok(
      foreign.some((call) => call.includes("deviceid")),
      foreign.join("\n"),
    );
    assert.ok(home.some((path) => path.endsWith("onnxruntime.db")));
    const asking = `require("node:dns").lookup("example.invalid", () => undefined)`;
    const asked = await traced(t, ["-e", asking], outputs());
    assert.ok(asked.foreign.length > 0, "a name that is looked up");
  });

  it("a profile on the CPU, with its runtime and the processes that measure peak memory", async (t) => {
    const folder = outputs();
    const files = ["json", "html", "csv", "trace"].flatMap((kind) => [`--${kind}`, join(folder, `report.${kind}`)]);
    const args = [
      "--engine",
      "cpu",
      "--max-tokens",
      "300",
      "--repetitions",
      "1",
      "--decode",
      "2",
      "--sweep",
      "100",
      ...files,
    ];
    const run = await traced(t, [...COMMAND, DOCUMENT, ...args], folder);
    assertQuiet(run, TSX);
    assert.equal(readdirSync(folder).length, 4);
    const report = readReport(readFileSync(join(folder, "report.json"), "utf8"), "report.json");
    assert.ok(Object.values(report.variants).every(({ totals }) => totals.peakBytes! > 2 ** 26));
    const again = ["compare", join(folder, "report.json"), join(folder, "report.json")];
    assertQuiet(await traced(t, [...COMMAND, ...again], folder), TSX);
  });

  it("the list of devices, and a mistake", async (t) => {
    assertQuiet(await traced(t, [...COMMAND, "--list-devices"], outputs()), TSX);
    const run = await traced(t, [...COMMAND, join(work, "absent.md")], outputs());
    assert.equal(run.code, 2);
    assertQuiet({ ...run, code: 0 }, TSX);
  });

  const noGpu =
    gpu.gpu === undefined ? gpu.why : gpu.software ? false : "drivers of real GPUs keep caches of their own";
  it("a profile on a GPU", { skip: noGpu }, async (t) => {
    // The kernels take heads of a multiple of four values.
    const architecture = { ...TINY, headDim: 8 };
    const weights = writeSafetensors(await checkpointTensors(tinyModel(architecture)));
    await withCheckpoint({ config: tinyConfig(architecture), weights }, async (model) => {
      const folder = outputs();
      const device = ["--engine", "webgpu", "--gpu", gpu.gpu ?? "", "--model", model];
      const args = ["--max-tokens", "60", "--repetitions", "1", "--decode", "2", "--json", join(folder, "report.json")];
      assertQuiet(await traced(t, [...COMMAND, DOCUMENT, ...device, ...args], folder), TSX);
      assert.deepEqual(readdirSync(folder), ["report.json"]);
    });
  });

  const noPackage = TARGETS.some((name) => name === HERE) ? false : `there is no package for ${HERE}`;
  it("the packaged extension: what its host loads, and the runtime that it starts", { skip: noPackage }, async (t) => {
    const root = join(work, "package");
    await stage(HERE, root);
    const folder = outputs();
    assertQuiet(await traced(t, [fixture("host.cjs"), root, DOCUMENT, folder], folder));
    assert.deepEqual(readdirSync(folder).sort(), ["report.csv", "report.html", "report.json"]);
  });
});
