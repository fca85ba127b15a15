import assert from "node:assert/strict";
import os from "node:os";
import { describe, it } from "node:test";
import { availableMemory, checkThreads, defaultThreads, totalMemory } from "../../../src/engine/machine.ts";
import { createEngine } from "../../../src/engine/registry.ts";
import { UserError } from "../../../src/model/errors.ts";

const cores = os.availableParallelism();

describe("threads", () => {
  it("one per core, and no more than a quota pays for, begun cores counted", () => {
    assert.equal(defaultThreads({}), cores);
    assert.equal(defaultThreads({ cpus: 0.1 }), 1);
    assert.equal(defaultThreads({ cpus: 1 }), 1);
    assert.equal(defaultThreads({ cpus: 1.01 }), Math.min(2, cores));
    assert.equal(defaultThreads({ cpus: cores + 7 }), cores);
  });

  it("any number that the machine has cores for may be asked for", async () => {
    assert.equal(checkThreads(1, 1), 1);
    assert.equal(checkThreads(64, 64), 64);
    for (const threads of [0, -1, 1.5, 9, NaN]) {
      assert.throws(
        () => checkThreads(threads, 8),
        (error) => error instanceof UserError && /this machine has 8 logical cores\. Choose 1 to 8/.test(error.message),
      );
    }
    const { engine } = await createEngine("cpu", { threads: 1 });
    assert.equal(engine.info.threads, 1);
    await engine.dispose();
    await assert.rejects(createEngine("cpu", { threads: os.cpus().length + 1 }), /cannot use \d+ threads/);
  });

  it("engines that have none refuse them", async () => {
    await assert.rejects(
      createEngine("reference", { threads: 1 }),
      /--threads 1 applies to the cpu engine, not to reference/,
    );
    await assert.rejects(createEngine("auto", { threads: 1, gpu: "0" }), /not to webgpu/);
  });
});

describe("memory", () => {
  it("is the machine's, or less where a container allows less", () => {
    assert.equal(totalMemory({}), os.totalmem());
    assert.equal(totalMemory({ memoryBytes: 1000 }), 1000);
    assert.equal(totalMemory({ memoryBytes: 2 ** 59 }), os.totalmem());
    assert.equal(availableMemory({ memoryBytes: 1000, memoryLeftBytes: 10 }), 10);
    assert.ok(availableMemory({}) <= os.totalmem());
  });
});
