import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import { GGML_TYPES } from "../../../src/model/formats/gguf-blocks.ts";
import { loadCheckpoint } from "../../../src/model/checkpoint.ts";
import { asGguf, AS_GGUF } from "../../fixtures/checkpoints/as-gguf.ts";
import { CHECKPOINTS, expectedOf } from "../../fixtures/checkpoints/fixtures.ts";
import { writeGguf } from "../../fixtures/checkpoints/gguf-bytes.ts";
import { floatsOf } from "../../fixtures/model/tensors.ts";

interface Blocks {
  readonly type: number;
  readonly data: string;
  readonly values: string;
}

const folder = mkdtempSync(join(tmpdir(), "gguf-"));
after(() => rmSync(folder, { recursive: true }));

describe("blocks of GGUF files", () => {
  const made = JSON.parse(readFileSync(join(CHECKPOINTS, "gguf-blocks.json"), "utf8")) as Record<string, Blocks>;
  for (const [name, { type, data, values }] of Object.entries(made)) {
    it(`${name}: the very bits of PyPI's gguf`, () => {
      const packed = new Uint8Array(Buffer.from(data, "base64"));
      const expected = new Uint8Array(Buffer.from(values, "base64"));
      const out = new Float32Array(expected.length / 4);
      const ggml = GGML_TYPES.get(type);
      assert.equal(ggml?.name, name);
      ggml.dequantize(packed, 0, out);
      assert.deepEqual(new Uint8Array(out.buffer), expected);
    });
  }

  it("F32, F16 and BF16 are what they are anywhere", () => {
    const data = new Uint8Array(Float32Array.of(1.5, -2).buffer);
    const read = (type: number, count: number, from: number): number[] => {
      const out = new Float32Array(count);
      GGML_TYPES.get(type)!.dequantize(data, from, out);
      return [...out];
    };
    assert.deepEqual(read(0, 1, 4), [-2]);
    assert.deepEqual(read(30, 1, 6), [-2]);
    assert.deepEqual(read(1, 1, 2), [1.9375]);
  });
});

describe("models in GGUF files", () => {
  for (const model of Object.keys(AS_GGUF) as (keyof typeof AS_GGUF)[]) {
    it(`${model}: tensors, tokens and logits of the same model's folder`, async () => {
      const path = join(folder, `${model}.gguf`);
      writeFileSync(path, writeGguf(await asGguf(model)));
      const [file, known] = [await loadCheckpoint(path), await loadCheckpoint(join(CHECKPOINTS, model))];
      const { text, ids, positions, logits } = await expectedOf(model);
      assert.deepEqual([...file.tokenizer.encode(text).ids], ids);
      const [ours, theirs] = [file.weights.layer(1), known.weights.layer(1)];
      for (const name of ["q", "k", "v", "down", "inputNorm"] as const) {
        assert.deepEqual(await floatsOf(ours[name]), await floatsOf(theirs[name]), name);
      }
      if (model === "qwen3") {
        await assert.doesNotReject(floatsOf(file.weights.head));
        return;
      }
      const runner = await new ReferenceEngine().load(file, "full");
      const last = await runner.prefill(Uint32Array.from(ids));
      const row = positions.length - 1;
      last.forEach((value, token) => assert.ok(Math.abs(value - logits[row * last.length + token]!) < 1e-4));
    });
  }

  it("reads pieces that begin and end within rows and heads", async () => {
    const path = join(folder, "pieces.gguf");
    writeFileSync(path, writeGguf(await asGguf("llama3")));
    const { q } = (await loadCheckpoint(path)).weights.layer(0);
    const whole = await floatsOf(q);
    for (const [from, count] of [
      [0, 1],
      [37, 400],
      [32 * 3 + 5, 32 * 20],
    ] as const) {
      const part = new Float32Array(count);
      await q.read(part, from);
      assert.deepEqual(part, whole.slice(from, from + count));
      const halves = new Uint16Array(count);
      await q.read(halves, from);
      assert.ok(halves.some((bits) => bits !== 0));
    }
  });
});

/** A real model: the folder is documented in docs/checkpoints.md. */
const MODELS = process.env["HYSPARSE_MODELS"];
const REAL = "SmolLM2-135M-Instruct.Q4_1.gguf";

describe("a real model, where there is one", () => {
  it(REAL, { skip: MODELS === undefined ? "HYSPARSE_MODELS names no folder that holds it" : false }, async () => {
    const model = await loadCheckpoint(join(MODELS ?? "", REAL));
    assert.equal(model.parameters, 134_515_008);
    assert.equal(model.architecture.ropeBase, 100_000);
    const { tokenizer } = model;
    // As the tokenizers library cuts it.
    const text = "It's 2026, naïve.";
    const encoded = tokenizer.encode(text);
    assert.deepEqual(
      [...encoded.ids].map((id) => tokenizer.decode([id])),
      ["It", "'s", " ", "2", "0", "2", "6", ",", " na", "ïve", "."],
    );
    const norm = await floatsOf(model.weights.layer(0).inputNorm);
    assert.ok(norm.every(Number.isFinite) && norm.length === 576);
  });
});
