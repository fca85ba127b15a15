import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { findChecks } from "../../src/cli/kernels/find.ts";
import { runCheck } from "../../src/cli/kernels/check.ts";
import { openTestGpu } from "./gpu.ts";

const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 0x1_0000_0000));
const device = await openTestGpu();
const checks = await findChecks();

if ("why" in device) {
  describe("GPU kernels", () => it.skip(device.why));
} else {
  describe(`GPU kernels on ${device.adapter.name} (SEED=${SEED})`, { concurrency: 1 }, () => {
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
    it("ran more checks than it skipped", () =>
      assert.ok(2 * executed > checks.length, `${executed} of ${checks.length}`));
  });
}
