import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import { UserError } from "../../../src/model/errors.ts";
import { Kept, type Loaded, type Wanted, type WantedEngine } from "../../../src/runtime/kept.ts";
import { Cancelled } from "../../../src/runtime/runtime.ts";
import { tinyArchitecture, tinyModel } from "../../kernels/tiny-model.ts";

const WANTED: Wanted = { engine: { id: "cpu" }, model: "embedded" };
const MODEL = tinyModel(tinyArchitecture(), 1);

/** Something kept, with what was done: engines opened and closed, models loaded, words for people. */
function keeper(keepMs = 60_000): { kept: Kept; done: string[]; use: (wanted?: Partial<Wanted>) => Promise<Loaded> } {
  const done: string[] = [];
  class Recorded extends ReferenceEngine {
    override dispose(): Promise<void> {
      done.push("close");
      return super.dispose();
    }
  }
  const loaders = {
    engine: ({ id, gpu, threads }: WantedEngine) => {
      if (id === "none") throw new UserError("there is none");
      done.push(`open ${id} ${gpu ?? ""}${threads ?? ""}`.trim());
      return Promise.resolve({ engine: new Recorded(), reason: "because" });
    },
    model: (id: string) => {
      done.push(`load ${id}`);
      return Promise.resolve({ ...MODEL });
    },
  };
  const kept = new Kept(loaders, keepMs);
  const use = (wanted: Partial<Wanted> = {}): Promise<Loaded> =>
    kept.use(
      { ...WANTED, ...wanted },
      () => undefined,
      (loaded) => Promise.resolve(loaded),
    );
  return { kept, done, use };
}

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "hysparse-kept-"));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

describe("the engine and the model of the last job", () => {
  it("serve the next one that wants the same", async () => {
    const { done, use } = keeper();
    const first = await use();
    assert.equal(await use().then(({ engine }) => engine), first.engine);
    assert.equal(await use().then(({ model }) => model), first.model);
    assert.deepEqual(done, ["open cpu", "load embedded"]);
  });

  it("go one by one when another is wanted, the old engine before the new", async () => {
    const { done, use } = keeper();
    await use();
    await use({ model: "paper-7b" });
    await use({ engine: { id: "webgpu", gpu: "0" }, model: "paper-7b" });
    await use({ engine: { id: "webgpu", gpu: "1" }, model: "paper-7b" });
    await use({ engine: { id: "cpu", threads: 1 }, model: "paper-7b" });
    assert.deepEqual(done, [
      ...["open cpu", "load embedded", "load paper-7b"],
      ...["close", "open webgpu 0", "load paper-7b", "close", "open webgpu 1", "load paper-7b"],
      ...["close", "open cpu 1", "load paper-7b"],
    ]);
  });

  it("are loaded anew when a checkpoint's files have changed", async (t) => {
    const { done, use } = keeper();
    const path = folder(t);
    const weights = join(path, "model.safetensors");
    writeFileSync(weights, "a");
    await use({ model: path });
    await use({ model: path });
    utimesSync(weights, 1, 1);
    await use({ model: path });
    assert.deepEqual(done, ["open cpu", `load ${path}`, `load ${path}`]);
  });

  it("survive a user's mistake and a stop, and no other error", async () => {
    const { kept, done, use } = keeper();
    const fail = (error: Error): Promise<void> =>
      assert.rejects(
        kept.use(
          WANTED,
          () => undefined,
          () => Promise.reject(error),
        ),
        error,
      );
    await fail(new UserError("mend this"));
    await fail(new Cancelled());
    assert.deepEqual(done, ["open cpu", "load embedded"]);
    await fail(new Error("a bug"));
    await use();
    assert.deepEqual(done, ["open cpu", "load embedded", "close", "open cpu", "load embedded"]);
  });

  it("are let go after an idle time, which a use starts anew", async () => {
    const { done, use } = keeper(120);
    await use();
    await pause(70);
    await use();
    await pause(70);
    assert.ok(!done.includes("close"));
    await pause(150);
    assert.deepEqual(done, ["open cpu", "load embedded", "close"]);
    await use();
    assert.equal(done.length, 5);
  });

  it("are not held by an engine that does not open", async () => {
    const { done, use } = keeper();
    await use();
    await assert.rejects(use({ engine: { id: "none" } }), UserError);
    await use();
    assert.deepEqual(done, ["open cpu", "load embedded", "close", "open cpu", "load embedded"]);
  });

  it("are announced only when they have to be loaded", async () => {
    const { kept } = keeper();
    const said: string[] = [];
    const say = (what: string): number => said.push(what);
    for (let i = 0; i < 2; i++) await kept.use(WANTED, say, () => Promise.resolve());
    assert.deepEqual(said, ["starting the engine", "loading the model embedded"]);
  });
});
