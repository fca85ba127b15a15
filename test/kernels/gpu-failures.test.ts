import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { GpuAllocator } from "../../src/engine/webgpu/allocator.ts";
import { GpuDevice } from "../../src/engine/webgpu/device.ts";
import { WebGpuEngine } from "../../src/engine/webgpu/engine.ts";
import { UserError } from "../../src/model/errors.ts";
import { testGpu } from "./gpu.ts";
import { randomTokens, tinyArchitecture, tinyModel } from "./tiny-model.ts";

const found = await testGpu();
const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

if (found.gpu === undefined) describe("GPU failures", () => it.skip(found.why));
else {
  const { gpu } = found;
  const architecture = tinyArchitecture();
  const model = tinyModel(architecture, 1, { halves: true });
  const tokens = randomTokens(architecture, 60, 1);

  describe("GPU failures end in one clear error, and the next run works", { concurrency: 1 }, () => {
    let engine: WebGpuEngine;
    before(async () => {
      engine = await WebGpuEngine.open({ gpu });
    });

    it("a device lost in the middle of a run", async () => {
      const runner = await engine.load(model, "hysparse", { chunk: 8 });
      let layers = 0;
      const observer = {
        onLayerOutput: (): void => {
          if (++layers === 5) engine.loseDevice();
        },
      };
      await assert.rejects(runner.prefill(tokens, { observer }), (error) => {
        assert.ok(error instanceof UserError, String(error));
        assert.match(error.message, /lost/);
        return true;
      });
      await runner.dispose();
      const again = await engine.load(model, "hysparse");
      assert.equal((await again.prefill(tokens)).length, architecture.vocabulary);
      await again.dispose();
    });

    it("a device lost between two runs", async () => {
      const runner = await engine.load(model, "full");
      await runner.prefill(tokens);
      engine.loseDevice();
      await assert.rejects(runner.decode(1), UserError);
      await runner.dispose();
      const again = await engine.load(model, "full");
      await again.prefill(tokens);
      await again.dispose();
    });

    it("a context longer than a cache may be, with the numbers, and nothing left behind", async () => {
      const runner = await engine.load(model, "full");
      const held = engine.meter.bytes;
      await assert.rejects(runner.reserve(2 ** 40), (error) => {
        assert.ok(error instanceof UserError, String(error));
        assert.match(error.message, /MiB.*MiB/);
        return true;
      });
      runner.reset();
      assert.equal(engine.meter.bytes, held);
      await runner.prefill(tokens);
      await runner.dispose();
    });

    it("a buffer over the device's limit", async () => {
      const device = await GpuDevice.open({ gpu });
      const allocator = new GpuAllocator(device);
      await assert.rejects(
        allocator.allocate("kv", device.traits.maxBindingBytes + 4, 3),
        /kv of layer 3 needs .* MiB/,
      );
      assert.equal(allocator.bytes, 0);
      device.destroy();
    });

    it("widths that the kernels cannot cut", async () => {
      const odd = tinyModel(tinyArchitecture({ hidden: 30 }), 1);
      await assert.rejects(engine.load(odd, "full"), /hidden.*multiple of 4.*30.*--engine cpu/);
    });

    it("gives all device memory back when the last runner goes", async () => {
      const held = engine.meter.bytes;
      for (let run = 0; run < 5; run++) {
        const runner = await engine.load(model, "hysparse");
        await runner.prefill(tokens);
        await runner.decode(1);
        await runner.dispose();
        assert.equal(engine.meter.bytes, held, `run ${run}`);
      }
      await engine.dispose();
    });
  });
}

describe("without any driver", { concurrency: 1 }, () => {
  const env = { ...process.env, VK_ICD_FILENAMES: "/nonexistent.json", VK_DRIVER_FILES: "/nonexistent.json" };
  const run = (...args: string[]): Promise<{ stdout: string; stderr: string; code: number }> =>
    promisify(execFile)(process.execPath, ["--import", "tsx", MAIN, ...args], { env }).then(
      (output) => ({ ...output, code: 0 }),
      (error: unknown) => error as { stdout: string; stderr: string; code: number },
    );
  const sample = fileURLToPath(new URL("../../media/samples/retry-queue.ts", import.meta.url));

  it("the webgpu engine is refused with the way out", async () => {
    const { stderr, stdout, code } = await run(sample, "--engine", "webgpu");
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /no GPU found.*driver/);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });

  it("a GPU asked for by name is never replaced", async () => {
    const { stderr, code } = await run(sample, "--gpu", "H200");
    assert.equal(code, 2);
    assert.match(stderr, /unknown GPU "H200"; none found/);
  });

  it("auto says why it takes the CPU", async () => {
    const { stdout, code } = await run(sample, "--max-tokens", "64", "--decode", "0", "--repetitions", "1");
    assert.equal(code, 0);
    assert.match(stdout.replace(/\s+/g, " "), /cpu \(no GPU found\)/);
  });

  it("--list-devices says that there is none", async () => {
    const { stdout, code } = await run("--list-devices");
    assert.equal(code, 0);
    assert.match(stdout, /webgpu: .*\n.*cuda: .*\n.*cpu: .*\n/);
    assert.match(stdout, /none: is a Vulkan/);
  });
});
