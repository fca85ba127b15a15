import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chooseDevice, listDevices } from "../../../src/engine/cuda/devices.ts";
import { initialised } from "../../../src/engine/cuda/driver.ts";
import { CudaEngine } from "../../../src/engine/cuda/engine.ts";
import { UserError } from "../../../src/model/errors.ts";
import { randomTokens, tinyArchitecture, tinyModel } from "../../kernels/tiny-model.ts";
import { standIn, type Answers, type Card } from "./stand-in.ts";

const H200: Card = { name: "NVIDIA H200", capability: 90 };
const RTX: Card = { name: "NVIDIA GeForce RTX 4090", capability: 89 };

function refused(pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, pattern);
    return true;
  };
}

describe("NVIDIA's driver", () => {
  it("that sees no device is no device; one that does not start is a sentence", () => {
    assert.equal(initialised({ cuInit: () => 100 }, "libcuda.so.1"), false);
    assert.throws(
      () => initialised({ cuInit: () => 803 }, "libcuda.so.1"),
      refused(/libcuda\.so\.1.*restart the machine/u),
    );
  });

  it("lists cards with their addresses, and why the kernels do not run on one", () => {
    const [first, second, third] = listDevices(standIn([RTX, H200, H200]).driver);
    assert.match(first!.obstacle!, /built for compute capability 9\.0.*RTX 4090 has 8\.9; the webgpu engine/u);
    assert.equal(second!.obstacle, undefined);
    assert.deepEqual([first!.address, second!.address, third!.address], ["NVIDIA GeForce RTX 4090", "1", "2"]);
    const [old] = listDevices(standIn([H200], 12_040).driver);
    assert.match(old!.obstacle!, /runs CUDA 12\.4 and .* need 13\.0: update the driver/u);
  });

  it("takes the first card that the kernels run on, or the one that is meant", () => {
    const list = listDevices(standIn([RTX, H200]).driver);
    assert.equal(chooseDevice(list, undefined).index, 1);
    assert.throws(() => chooseDevice(list, "4090"), refused(/compute capability/u));
    assert.throws(() => chooseDevice(list, "B200"), refused(/unknown GPU "B200"; there are: 0: NVIDIA GeForce/u));
    assert.throws(() => chooseDevice([], undefined), refused(/is NVIDIA's driver installed/u));
  });
});

describe("the CUDA engine without a card behind it", () => {
  const open = (answers: Answers): Promise<CudaEngine> => {
    const { driver } = standIn([H200], 13_000, answers);
    return CudaEngine.open({ driver });
  };

  it("says in a sentence what the driver refuses", async () => {
    await assert.rejects(
      async () => open({ cuDevicePrimaryCtxRetain: 46 }),
      refused(/H200 cannot be opened: .*another process/u),
    );
    await assert.rejects(
      async () => open({ cuModuleLoadData: 222 }),
      refused(/does not take the kernels: .*newer version/u),
    );
    const full = await open({ cuMemAlloc_v2: 2 });
    const model = tinyModel(tinyArchitecture(), 1);
    await assert.rejects(full.load(model, "full"), refused(/H200 has no room for 1 MiB of weights/u));
  });

  it("is lost for good after a fault in a kernel", async () => {
    const engine = await open({ cuLaunchKernel: 700 });
    const runner = await engine.load(tinyModel(tinyArchitecture(), 1), "full");
    await assert.rejects(runner.prefill(Uint32Array.of(1, 2)), refused(/outside its memory \(CUDA 700\)/u));
    await assert.rejects(engine.load(tinyModel(tinyArchitecture(), 2), "full"), refused(/CUDA 700/u));
  });

  it("tells the copy engine where the keys and values of full layers lie, and nothing of products in float32", async () => {
    const architecture = tinyArchitecture({ headDim: 64, block: 64, selectedTokens: 64 });
    for (const arithmetic of ["tensor", "plain"] as const) {
      const { driver, calls } = standIn([H200]);
      const engine = await CudaEngine.open({ driver, arithmetic });
      const runner = await engine.load(tinyModel(architecture, 1), "full");
      await runner.prefill(randomTokens(architecture, 75, 1));
      await runner.decode(1);
      const maps = calls.filter((name) => name === "cuTensorMapEncodeTiled").length;
      assert.equal(maps, arithmetic === "tensor" ? 2 * 2 * architecture.layers : 0);
      await engine.dispose();
    }
    const engine = await open({ cuTensorMapEncodeTiled: 1 });
    const runner = await engine.load(tinyModel(architecture, 1), "full");
    await assert.rejects(
      runner.prefill(randomTokens(architecture, 75, 1)),
      refused(/takes no tiles for full_group_64/u),
    );
  });

  it("gives back all memory and counts what it holds", async () => {
    const { driver, calls } = standIn([H200]);
    const engine = await CudaEngine.open({ driver });
    const architecture = tinyArchitecture({ layers: 6 });
    for (const variant of ["full", "hybrid-swa", "hysparse", "streaming"] as const) {
      const runner = await engine.load(tinyModel(architecture, 1), variant);
      await runner.prefill(randomTokens(architecture, 75, 1));
      await runner.mark();
      await runner.decode(1);
      await runner.rewind();
      assert.ok(engine.meter.bytes > 0, variant);
      await runner.dispose();
      assert.equal(engine.meter.bytes, 0, variant);
    }
    const made = calls.filter((name) => name === "cuMemAlloc_v2").length;
    assert.equal(calls.filter((name) => name === "cuMemFree_v2").length, made);
    await engine.dispose();
  });
});
