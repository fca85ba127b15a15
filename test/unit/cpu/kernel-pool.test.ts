import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { CpuEngine } from "../../../src/engine/cpu/engine.ts";
import type { KernelBuild } from "../../../src/engine/cpu/kernels/build.ts";
import type { Call } from "../../../src/engine/cpu/kernels/call.ts";
import { loadKernels } from "../../../src/engine/cpu/kernels/load.ts";
import { loadNative, NoNative } from "../../../src/engine/cpu/kernels/native.ts";
import { KernelPool } from "../../../src/engine/cpu/kernels/pool.ts";
import { loadWasm } from "../../../src/engine/cpu/kernels/wasm.ts";
import { Random } from "../../../kernels/random.ts";
import { randomTokens, tinyArchitecture, tinyModel } from "../../kernels/tiny-model.ts";

/** Full attention that takes some tens of milliseconds on two threads. */
function fullCall(pool: KernelPool, count = 1024): Call & { readonly out: Float32Array } {
  const [heads, G, d] = [2, 3, 64];
  const random = new Random(1);
  const cached = (): Float32Array => {
    const cache = pool.floats(heads * count * d);
    cache.set(random.normals(cache.length));
    return cache;
  };
  return {
    ...{ op: "full", start: 0, count, heads, G, share: 1, d, B: 64, scale: 1 / 8, cap: count },
    ...{ q: random.normals(count * heads * G * d), k: cached(), v: cached() },
    out: new Float32Array(count * heads * G * d).fill(NaN),
  };
}

function nativeHere(): string | false {
  try {
    loadNative();
    return false;
  } catch (error) {
    if (error instanceof NoNative) return error.message;
    throw error;
  }
}
const noNative = nativeHere();
const BUILDS: readonly (readonly [string, string | false, () => KernelBuild])[] = [
  ["native", noNative, () => loadNative()],
  ["WebAssembly", false, () => loadWasm()],
];

for (const [name, skip, load] of BUILDS) {
  describe(`threads of the attention kernels: ${name}`, { skip }, () => {
    it("end in one error when one of them ends, and every later call in the same", async () => {
      // Helpers that are told nothing end with an exception, here in the middle of a call.
      const pool = new KernelPool({ ...load(), helperData: () => ({}) }, 3);
      const call = fullCall(pool);
      const message = /a thread of the attention kernels ended/;
      await assert.rejects(pool.run(call), message);
      await assert.rejects(pool.run(call), message);
      await pool.dispose();
    });

    it("stop between units when the run is cancelled, and are good for the next call", async () => {
      const pool = new KernelPool(load(), 2);
      const call = fullCall(pool, 6144);
      // So that threads have started and code is compiled.
      await pool.run(call);
      const controller = new AbortController();
      const reason = new Error("stop");
      const begin = performance.now();
      setTimeout(() => controller.abort(reason), 5);
      await assert.rejects(pool.run(call, controller.signal), (error) => error === reason);
      const cancelled = performance.now() - begin;
      const whole = performance.now();
      await pool.run(call);
      assert.ok(cancelled < 0.7 * (performance.now() - whole), `${cancelled} ms`);
      assert.ok(call.out.every((value) => Number.isFinite(value)));
      await pool.dispose();
    });

    it("let calls that overlap wait for each other", async () => {
      const pool = new KernelPool(load(), 2);
      const [a, b] = [fullCall(pool, 512), fullCall(pool, 512)];
      await Promise.all([pool.run(a), pool.run(b), pool.run(a)]);
      assert.deepEqual(a.out, b.out);
      assert.ok(a.out.every((value) => Number.isFinite(value)));
      await pool.dispose();
    });

    it("leak nothing over hundreds of prompts", async () => {
      const architecture = tinyArchitecture({ layers: 5, block: 16, selectedTokens: 32, headDim: 64 });
      const model = tinyModel(architecture, 1);
      const tokens = randomTokens(architecture, 100, 1);
      const engine = new CpuEngine(2, () => ({ build: load() }));
      const prompts = async (count: number): Promise<number> => {
        for (let i = 0; i < count; i++) {
          const runner = await engine.load(model, "hysparse");
          await runner.prefill(tokens);
          await runner.dispose();
        }
        return process.memoryUsage().rss;
      };
      const before = await prompts(100);
      const after = await prompts(300);
      await engine.dispose();
      // 300 prompts whose caches and activations were kept would be more than 100 MB.
      assert.ok(after - before < 40e6, `${(after - before) / 1e6} MB more`);
    });
  });
}

describe("which attention kernels run", () => {
  it("is told by the engine", async () => {
    const engine = new CpuEngine(1);
    assert.match(engine.info.kernels ?? "", noNative === false ? /^native / : /^WebAssembly .*; no native library: /);
    await engine.dispose();
  });

  it("WebAssembly with the system's reason where a library cannot be loaded", () => {
    const file = join(mkdtempSync(join(tmpdir(), "hysparse-broken-")), "kernels.so");
    writeFileSync(file, "no library");
    const { build, why } = loadKernels(() => loadNative({ file }));
    assert.equal(build.kind, "wasm");
    assert.notEqual(why ?? "", "");
    rmSync(file);
  });
});
