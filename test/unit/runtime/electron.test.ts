import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { createEngine } from "../../../src/engine/registry.ts";
import { UserError } from "../../../src/model/errors.ts";
import { listDevices } from "../../../src/runtime/jobs.ts";

const TROUBLE = /inside Electron .* cannot read a GPU's results.*hysparse\.runtime\.nodePath/;

/** Electron's Node tells itself apart by this; that its V8 refuses Dawn's buffers cannot be shown here. */
function pretendElectron(context: TestContext): void {
  const { versions } = process;
  Object.defineProperty(process, "versions", { value: { ...versions, electron: "37.0.0" } });
  context.after(() => Object.defineProperty(process, "versions", { value: versions }));
}

describe("inside Electron", () => {
  it("auto takes the CPU and says why", async (t) => {
    pretendElectron(t);
    const { engine, reason } = await createEngine("auto");
    assert.equal(engine.info.id, "cpu");
    assert.match(reason, TROUBLE);
    assert.match(reason, /; no GPU found$/);
    await engine.dispose();
  });

  it("a GPU that is asked for is refused with the way out", async (t) => {
    pretendElectron(t);
    await assert.rejects(createEngine("webgpu"), (error) => error instanceof UserError && TROUBLE.test(error.message));
  });

  it("the list of devices tells it as the trouble", async (t) => {
    pretendElectron(t);
    const { engines, devices } = await listDevices();
    assert.deepEqual(
      devices.filter(({ engine }) => engine === "webgpu"),
      [],
    );
    assert.match(engines.find(({ id }) => id === "webgpu")!.trouble!, TROUBLE);
  });
});
