import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadCheckpoint } from "../../../src/model/checkpoint.ts";
import { UserError } from "../../../src/model/errors.ts";
import { Random } from "../../../src/model/random.ts";
import { asGguf } from "../../fixtures/checkpoints/as-gguf.ts";
import { CHECKPOINTS } from "../../fixtures/checkpoints/fixtures.ts";
import { writeGguf, type GgufParts } from "../../fixtures/checkpoints/gguf-bytes.ts";
import { mutate } from "../../fixtures/model/mutate.ts";
import { rawSafetensors } from "../../fixtures/model/safetensors-bytes.ts";
import { floatsOf } from "../../fixtures/model/tensors.ts";

const SEED = 20_261_127;
/** Bytes of arrays that reading a checkpoint of some 100 kB may leave alive. */
const MOST_HELD = 2 ** 26;

const folder = mkdtempSync(join(tmpdir(), "hostile-"));
after(() => rmSync(folder, { recursive: true }));

/** Whether the checkpoint is refused, which must be in one short sentence and without taking memory. */
async function refused(path: string, what: string): Promise<string | undefined> {
  try {
    await loadCheckpoint(path);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof UserError, `${what}: ${error instanceof Error ? (error.stack ?? "") : String(error)}`);
    assert.ok(error.message.length < 700, `${what}: ${error.message.slice(0, 800)}`);
    return error.message;
  } finally {
    assert.ok(process.memoryUsage().arrayBuffers < MOST_HELD, what);
  }
}

describe("hostile GGUF files", async () => {
  const path = join(folder, "model.gguf");
  const base = await asGguf("qwen2");
  const whole = writeGguf(base);
  const random = new Random(SEED);

  it("80 files that end too early", async () => {
    for (let round = 0; round < 80; round++) {
      const bytes = random.below(whole.length - 64);
      writeFileSync(path, whole.subarray(0, bytes));
      assert.ok((await refused(path, `${bytes} bytes`)) !== undefined, `${bytes} bytes`);
    }
  });

  it("120 files with bytes of their header changed", async () => {
    let count = 0;
    for (let round = 0; round < 120; round++) {
      const bytes = Uint8Array.from(whole);
      for (let i = 0; i <= random.below(4); i++) bytes[random.below(9000)] = random.below(256);
      writeFileSync(path, bytes);
      if ((await refused(path, `round ${round}`)) !== undefined) count++;
    }
    assert.ok(count > 30, `only ${count} were refused`);
  });

  const tensors = base.tensors ?? {};
  const norm = tensors["output_norm.weight"]!;
  const changed = (change: object): GgufParts => ({
    ...base,
    tensors: { ...tensors, "output_norm.weight": { ...norm, ...change } },
  });
  const set = (entries: Readonly<Record<string, string | number>>): GgufParts => ({
    ...base,
    metadata: { ...base.metadata, ...entries },
  });
  const cases: readonly [string, GgufParts, RegExp][] = [
    ["2^60 tensors", { ...base, tensorCount: 2n ** 60n }, /claims .* tensors, more than its .* bytes can hold/],
    ["2^63 entries", { ...base, entryCount: 2n ** 63n }, /claims .* entries of metadata, more than/],
    ["another version", { ...base, version: 1 }, /is of version 1 of the format/],
    ["big-endian", { ...base, version: 0x0300_0000 }, /is big-endian/],
    ["another magic", { ...base, magic: "GGML" }, /does not begin with GGUF/],
    ["a tensor of 2^50 values", changed({ dimensions: [2 ** 50] }), /does not fit into/],
    ["a tensor of no dimensions", changed({ dimensions: [] }), /has 0 dimensions/],
    ["a tensor of nine dimensions", changed({ dimensions: [1, 1, 1, 1, 1, 1, 1, 1, 32] }), /has 9 dimensions/],
    ["a tensor of another shape", changed({ dimensions: [16] }), /has the wrong shape for model\.norm\.weight/],
    ["a tensor over another", changed({ offset: 0 }), /overlaps/],
    ["a tensor beyond the end", changed({ offset: 2 ** 40 }), /does not fit into|beyond the end/],
    ["a tensor between places", changed({ offset: 1 }), /begins at no multiple of 32/],
    ["a type that is not read", changed({ type: 10 }), /is of ggml's type 10\. Convert it to one of F32, /],
    ["rows that are no whole blocks", changed({ type: 12 }), /are no whole blocks of Q4_K/],
    ["1e9 layers", set({ "qwen2.block_count": 1e9 }), /layers: is 1,000,000,000; at most 1,024/],
    ["a huge width", set({ "qwen2.embedding_length": 2 ** 31 }), /hidden: is 2,147,483,648; at most 65,536/],
    ["heads that cannot be shared", set({ "qwen2.attention.head_count_kv": 3 }), /are not a multiple of 3 KV heads/],
    ["another architecture", set({ "general.architecture": "mamba" }), /"mamba" are not read .*; those of llama, /],
    ["a mixture of experts", set({ "qwen2.expert_count": 8 }), /mixtures of experts are not read/],
    ["one part of several", set({ "split.count": 3 }), /one of several parts/],
    ["a SentencePiece tokenizer", set({ "tokenizer.ggml.model": "llama" }), /only byte-level BPE/],
    ["a split that is not known", set({ "tokenizer.ggml.pre": "poro-chat" }), /"poro-chat", which is not known/],
    ["a scaling that is not read", set({ "qwen2.rope.scaling.type": "longrope" }), /scaled by "longrope"/],
    ["a width as text", set({ "qwen2.embedding_length": "32" }), /embedding_length is no number/],
    ["an absurd alignment", set({ "general.alignment": 7 }), /a multiple of 8 is wanted/],
  ];
  for (const [name, parts, message] of cases) {
    it(name, async () => {
      writeFileSync(path, writeGguf(parts));
      assert.match((await refused(path, name)) ?? "it was read", message);
    });
  }

  it("a weight that is not a number, when it is read", async () => {
    const data = Float32Array.from({ length: 32 }, (_, i) => (i === 7 ? NaN : 1));
    writeFileSync(path, writeGguf(changed({ data: new Uint8Array(data.buffer) })));
    const { weights } = await loadCheckpoint(path);
    await assert.rejects(floatsOf(weights.finalNorm), /value 7 of output_norm\.weight is NaN/);
  });
});

describe("hostile folders of Hugging Face's make", () => {
  /** A copy of the sharded model, which `change` spoils. */
  const spoilt = (change: (path: string) => void): string => {
    const path = mkdtempSync(join(folder, "folder-"));
    cpSync(join(CHECKPOINTS, "llama3"), path, { recursive: true });
    change(path);
    return path;
  };
  const json = (path: string, name: string): Record<string, unknown> =>
    JSON.parse(readFileSync(join(path, name), "utf8")) as Record<string, unknown>;
  const shard = "model-00001-of-00003.safetensors";
  const index = "model.safetensors.index.json";
  const mapped = (to: string) => (path: string) => {
    const weights = { ...(json(path, index)["weight_map"] as object), "model.norm.weight": to };
    writeFileSync(join(path, index), JSON.stringify({ weight_map: weights }));
  };
  const config = (changes: object) => (path: string) =>
    writeFileSync(join(path, "config.json"), JSON.stringify({ ...json(path, "config.json"), ...changes }));

  it("200 changed config.json", async () => {
    const random = new Random(SEED);
    const path = spoilt(() => undefined);
    const original = json(path, "config.json");
    let count = 0;
    for (let round = 0; round < 200; round++) {
      writeFileSync(join(path, "config.json"), JSON.stringify(mutate(original, random)));
      if ((await refused(path, `round ${round}`)) !== undefined) count++;
    }
    assert.ok(count > 60, `only ${count} were refused`);
  });

  const cases: readonly [string, (path: string) => void, RegExp][] = [
    ["a shard that is missing", (path) => rmSync(join(path, shard)), /lacks model-00001-of-00003\.safetensors, which/],
    [
      "an index that leads out of the folder",
      mapped("../../secret.safetensors"),
      /is no safetensors file of the folder/,
    ],
    ["an index with an absolute path", mapped("/etc/passwd"), /is no safetensors file of the folder/],
    ["an index that lies", mapped(shard), /lacks "model\.norm\.weight"|which .* says is in it/],
    ["an index that is none", (path) => writeFileSync(join(path, index), "{"), /is not JSON/],
    [
      "a header of 1 GB",
      (path) => {
        const bytes = Buffer.alloc(64);
        bytes.writeBigUInt64LE(1_000_000_000n);
        writeFileSync(join(path, shard), bytes);
      },
      /claims a header of 1000000000 bytes, more than 100 MB/,
    ],
    [
      "a shard that ends early",
      (path) => writeFileSync(join(path, shard), readFileSync(join(path, shard)).subarray(0, 5000)),
      /beyond the end of the file/,
    ],
    [
      "tensors over each other",
      (path) => {
        const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
        writeFileSync(join(path, shard), rawSafetensors(JSON.stringify({ a: entry, b: entry }), new Uint8Array(8)));
      },
      /overlaps/,
    ],
    [
      "a circle of links",
      (path) => {
        rmSync(join(path, "config.json"));
        symlinkSync("config.json", join(path, "config.json"));
      },
      /circle of links/,
    ],
    ["no weights", (path) => rmSync(join(path, index)), /holds neither model\.safetensors nor/],
    [
      "a tokenizer of another size",
      (path) => config({ vocab_size: 100 })(path),
      /wrong shape|belongs to another model/,
    ],
    [
      "another family",
      config({ model_type: "gpt_neox" }),
      /"gpt_neox" are not read; those of the types llama, mistral, /,
    ],
    ["quantized weights", config({ quantization_config: { quant_method: "gptq" } }), /quantized \(gptq\)/],
    ["a bias of the output", config({ attention_bias: true }), /attention_bias is true/],
    ["another activation", config({ hidden_act: "gelu" }), /hidden_act is "gelu"/],
    ["a scaling that is not computed", config({ rope_parameters: { rope_type: "longrope" } }), /scaled by "longrope"/],
    ["a scaling without a factor", config({ rope_parameters: { rope_type: "yarn" } }), /by yarn without factor/],
    ["half heads rotated", config({ partial_rotary_factor: 0.5 }), /partial_rotary_factor is 0\.5/],
    ["a shape that is not the weights'", config({ intermediate_size: 64 }), /has the wrong shape for/],
  ];
  for (const [name, change, message] of cases) {
    it(name, async () => {
      assert.match((await refused(spoilt(change), name)) ?? "it was read", message);
    });
  }

  it("a weight that is infinite, when it is read", async () => {
    const path = mkdtempSync(join(folder, "infinite-"));
    cpSync(join(CHECKPOINTS, "llama"), path, { recursive: true });
    const { weights } = await loadCheckpoint(path);
    const bad = await floatsOf(weights.embedding);
    bad[5] = Infinity;
    const file = readFileSync(join(path, "model.safetensors"));
    const header = JSON.parse(file.subarray(8, 8 + Number(file.readBigUInt64LE())).toString()) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    const at = 8 + Number(file.readBigUInt64LE()) + header["model.embed_tokens.weight"]!.data_offsets[0];
    file.set(Buffer.from(bad.buffer), at);
    writeFileSync(join(path, "model.safetensors"), file);
    const spoiled = await loadCheckpoint(path);
    await assert.rejects(floatsOf(spoiled.weights.embedding), /value 5 of model\.embed_tokens\.weight is Infinity/);
  });
});
