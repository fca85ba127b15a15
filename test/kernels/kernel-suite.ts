import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { runCheck } from "../../src/bench/kernels/check.ts";
import type { FormId } from "../../kernels/gpu-form.ts";
import { findChecks } from "../../src/bench/kernels/find.ts";
import { GpuDevice, type OpenOptions } from "../../src/engine/webgpu/device.ts";
import { testGpu } from "./gpu.ts";

const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 0x1_0000_0000));

/** Every check of the kernels of a form, each a test; those whose size the device cannot run skip and say why. */
export async function describeKernels(form: FormId, options: (software: boolean) => OpenOptions): Promise<void> {
  const found = await testGpu();
  if (found.gpu === undefined) {
    describe(`${form} GPU kernels`, () => it.skip(found.why));
    return;
  }
  const checks = (await findChecks()).filter((check) => (check.form ?? "portable") === form);
  const device = await GpuDevice.open({ gpu: found.gpu, ...options(found.software) });
  const path = `matrix ${device.traits.matrix}, arithmetic ${device.traits.arithmetic}`;
  describe(`${form} GPU kernels on ${device.adapter.name}, ${path} (SEED=${SEED})`, { concurrency: 1 }, () => {
    after(() => device.destroy());
    let executed = 0;
    for (const check of checks) {
      it(check.name, async (test) => {
        const outcome = await runCheck(device, check, SEED);
        if ("skipped" in outcome) test.skip(outcome.skipped);
        else if ("failed" in outcome) assert.fail(outcome.failed);
        else executed++;
      });
    }
    it("ran a good part of its checks", () =>
      assert.ok(4 * executed > checks.length, `${executed} of ${checks.length}`));
  });
}
