import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ENGINES } from "../../../src/engine/registry.ts";

/** What reports from a device say of the full attention that designs are held against. */
function noteOf(engine: string, device: string): string | undefined {
  const row = ENGINES.find(({ id }) => id === engine);
  assert.ok(row !== undefined, engine);
  return row.note?.(device);
}

describe("what a report says of an engine's full attention", () => {
  it("names the distance to cuDNN on NVIDIA cards, and nothing elsewhere", () => {
    assert.match(noteOf("cuda", "NVIDIA H100 80GB HBM3") ?? "", /times as long here as cuDNN's/);
    assert.match(noteOf("webgpu", "NVIDIA H200") ?? "", /3\.1 to 3\.6 times as long here as cuDNN's/);
    for (const device of ["AMD Radeon RX 7900", "SwiftShader Device (LLVM 15)", "Apple M3"]) {
      assert.equal(noteOf("webgpu", device), undefined, device);
    }
    assert.equal(noteOf("cpu", "AMD EPYC"), undefined);
  });
});
