import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Architecture } from "../../../src/model/architecture.ts";
import { loadCheckpoint } from "../../../src/model/checkpoint.ts";
import { UserError } from "../../../src/model/errors.ts";
import { valueCount } from "../../../src/model/tensor.ts";
import { parameterCount } from "../../../src/model/tensors.ts";
import {
  checkpointTensors,
  denseModel,
  TINY,
  tinyConfig,
  tinyModel,
  withCheckpoint,
  type CheckpointFiles,
} from "../../fixtures/model/checkpoint-folder.ts";
import { writeSafetensors } from "../../fixtures/model/safetensors-bytes.ts";
import { floatsOf } from "../../fixtures/model/tensors.ts";
import { tinyTokenizerJson } from "../../fixtures/model/tiny-tokenizer.ts";

async function refused(load: () => Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(load, (error: unknown) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

const refusedFiles = (files: CheckpointFiles, message: RegExp): Promise<void> =>
  withCheckpoint(files, (folder) => refused(() => loadCheckpoint(folder), message));

describe("loadCheckpoint", () => {
  for (const [name, change] of Object.entries<Partial<Architecture>>({
    "tied, gates per head, sinks": {},
    "untied, gates per element, no sinks": { tieEmbeddings: false, gate: "element", sinks: false },
    "full layers only": { sparsePerFull: 0 },
    "a last layer that is sparse": { layers: 3, lastFull: false },
    "full layers by a list": { layers: 4, fullLayers: [0, 1] },
  })) {
    it(`reads back a model: ${name}`, async () => {
      const architecture = { ...TINY, ...change };
      const model = tinyModel(architecture);
      const tensors = await checkpointTensors(model);
      const files = { config: tinyConfig(architecture), weights: writeSafetensors(tensors) };
      await withCheckpoint(files, async (folder) => {
        const loaded = await loadCheckpoint(folder);
        assert.deepEqual(await checkpointTensors(loaded), tensors);
        assert.equal(loaded.weights.head === loaded.weights.embedding, architecture.tieEmbeddings);
        assert.equal(loaded.weights.layer(1).sparse === undefined, model.weights.layer(1).sparse === undefined);
        assert.equal(loaded.origin, "trained");
        assert.equal(loaded.parameters, parameterCount(architecture));
        assert.deepEqual(loaded.notes, []);
        const file = await readFile(join(folder, "model.safetensors"));
        assert.equal(loaded.sha256, createHash("sha256").update(file).digest("hex"));
      });
    });
  }

  it("reads a dense model, which has no gates and sinks, and says so", async () => {
    for (const change of [{}, { sinks: false, gate: "element" as const }]) {
      const architecture = { ...TINY, ...change };
      const model = denseModel(architecture);
      const tensors = await checkpointTensors(model);
      assert.ok(!Object.keys(tensors).some((name) => /sinks|_gate_proj.*self_attn|self_attn.*gate/.test(name)));
      const files = { config: tinyConfig(architecture, "full"), weights: writeSafetensors(tensors) };
      await withCheckpoint(files, async (folder) => {
        const loaded = await loadCheckpoint(folder);
        assert.equal(loaded.design, "full");
        assert.deepEqual(await checkpointTensors(loaded), tensors);
        for (let layer = 0; layer < TINY.layers; layer++) assert.equal(loaded.weights.layer(layer).sparse, undefined);
        const values = Object.values(tensors).reduce((sum, { shape }) => sum + valueCount(shape), 0);
        assert.equal(loaded.parameters, values);
        assert.ok(loaded.parameters < tinyModel(architecture).parameters);
        assert.match(loaded.notes.join(), /dense model.*without the gates and sinks other variants need/);
      });
    }
  });

  it("takes a model for HySparse unless told, and says which line is missing or wrong", async () => {
    const dense = writeSafetensors(await checkpointTensors(denseModel()));
    const sparse = writeSafetensors(await checkpointTensors(tinyModel()));
    await withCheckpoint({}, async (folder) => assert.equal((await loadCheckpoint(folder)).design, "hysparse"));
    await withCheckpoint({ config: tinyConfig(TINY, "hysparse") }, async (folder) => {
      assert.equal((await loadCheckpoint(folder)).design, "hysparse");
    });
    await refusedFiles({ weights: dense }, /lacks .*tensors of a dense model: write "design": "full" or export/);
    await refusedFiles(
      { config: tinyConfig(TINY, "full"), weights: sparse },
      /holds the unknown .*tensors of a HySparse model: write "design": "hysparse" or export/,
    );
    await refusedFiles({ config: { ...tinyConfig(), design: "hybrid-swa" } }, /design: .*"hysparse"\|"full"/);
  });

  it("tolerates keys for readers and says that synthetic weights mean nothing", async () => {
    const config = {
      ...tinyConfig(),
      weights: "synthetic",
      training: { steps: 3 },
      specialTokens: { end: 0 },
      author: "x",
    };
    await withCheckpoint({ config }, async (folder) => {
      assert.match((await loadCheckpoint(folder)).notes.join(), /random/);
    });
  });

  it("passes on the notes of its maker", async () => {
    const config = { ...tinyConfig(), notes: ["Trained on one page."] };
    await withCheckpoint({ config }, async (folder) => {
      assert.equal((await loadCheckpoint(folder)).notes[0], "Trained on one page.");
    });
    await refusedFiles({ config: { ...tinyConfig(), notes: [""] } }, /notes/);
  });

  it("refuses a missing folder, a file, and a folder without a file", async () => {
    await refused(() => loadCheckpoint("/no/such/folder"), /does not exist/);
    await withCheckpoint({}, async (folder) => {
      await refused(() => loadCheckpoint(join(folder, "config.json")), /is not a folder; give the folder/);
    });
    await refusedFiles({ config: undefined }, /holds no config\.json/);
    await refusedFiles({ weights: undefined }, /holds no model\.safetensors/);
    await refusedFiles({ tokenizer: undefined }, /holds no tokenizer\.json/);
  });

  it("refuses a config that is not JSON, not ours or of another version", async () => {
    await refusedFiles({ config: "{" }, /config\.json is not JSON/);
    await refusedFiles({ config: { some: "json" } }, /format: this is not a HySparse checkpoint/);
    await refusedFiles({ config: { ...tinyConfig(), formatVersion: 2 } }, /formatVersion: is 2; this version reads 1/);
  });

  it("refuses impossible architectures by field", async () => {
    const wrong: [object, RegExp][] = [
      [{ ...TINY, selectedTokens: 9 }, /architecture\.selectedTokens: k = 9 is not a multiple of the block size 4/],
      [{ ...TINY, window: 0 }, /architecture\.window/],
      [{ ...TINY, kvHeads: 3 }, /architecture\.queryHeads: 4 query heads/],
      [{ ...TINY, headDim: 5 }, /architecture\.headDim/],
      [{ ...TINY, lastFull: "no" }, /architecture\.lastFull/],
      [{ ...TINY, fullLayers: [0, TINY.layers] }, /architecture\.fullLayers: must start with 0, rise and stay below/],
      [{ ...TINY, fullLayers: [0, 2, 2] }, /architecture\.fullLayers: must start with 0, rise and stay below/],
      [{ ...TINY, fullLayers: [1] }, /architecture\.fullLayers: must start with 0, rise and stay below/],
      [{ ...TINY, fullLayers: [] }, /architecture\.fullLayers: .*it is \[\]/],
      [{ ...TINY, experts: 8 }, /experts/],
      [{ layers: 1 }, /and \d+ more/],
    ];
    for (const [architecture, message] of wrong) await refusedFiles({ config: tinyConfig(architecture) }, message);
  });

  it("refuses missing, unknown and wrongly shaped tensors in one message", async () => {
    const {
      "model.norm.weight": norm,
      "model.layers.1.self_attn.sparse_sinks": sinks,
      ...rest
    } = await checkpointTensors(tinyModel());
    assert.ok(norm && sinks);
    const weights = writeSafetensors({
      ...rest,
      "lm_head.weight": norm,
      "model.layers.1.self_attn.sparse_sinks": { ...sinks, shape: [2, 2] },
    });
    await refusedFiles(
      { weights },
      /lacks model\.norm\.weight; it holds the unknown lm_head\.weight; it has the wrong/,
    );
    await refusedFiles({ weights }, /sparse_sinks \(\[2, 2\] where config\.json implies \[4\]\)/);
  });

  it("wants gates and sinks of a last layer that is said to be sparse, and refuses them of one that is full", async () => {
    const open = { ...TINY, layers: 3, lastFull: false };
    const closed = { ...TINY, layers: 3, lastFull: true };
    const weights = async (of: Architecture): Promise<Uint8Array> =>
      writeSafetensors(await checkpointTensors(tinyModel(of)));
    await withCheckpoint(
      { config: tinyConfig(closed), weights: await weights({ ...TINY, layers: 3 }) },
      async (folder) => {
        assert.equal((await loadCheckpoint(folder)).weights.layer(2).sparse, undefined);
      },
    );
    await refusedFiles(
      { config: tinyConfig(open), weights: await weights(closed) },
      /lacks model\.layers\.2\.self_attn/,
    );
    await refusedFiles(
      { config: tinyConfig(closed), weights: await weights(open) },
      /unknown model\.layers\.2\.self_attn/,
    );
  });

  it("refuses weights that are not finite", async () => {
    for (const value of [NaN, Infinity, -Infinity]) {
      const tensors = await checkpointTensors(tinyModel());
      const { data } = tensors["model.layers.2.mlp.up_proj.weight"]!;
      new Float32Array(data.buffer, data.byteOffset)[5] = value;
      await refusedFiles(
        { weights: writeSafetensors(tensors) },
        new RegExp(`value 5 of model.layers.2.mlp.up_proj.weight is ${value}`),
      );
    }
  });

  it("refuses a damaged weights file", async () => {
    const whole = writeSafetensors(await checkpointTensors(tinyModel()));
    await refusedFiles({ weights: whole.subarray(0, 3) }, /model\.safetensors has 3 bytes/);
    await refusedFiles({ weights: whole.subarray(0, -1) }, /reaches 1 bytes beyond the end/);
    await refusedFiles({ weights: new TextEncoder().encode("not weights at all") }, /more than 100 MB/);
  });

  it("refuses the tokenizer of another model with both numbers, and says when rows are padding", async () => {
    await refusedFiles(
      { tokenizer: tinyTokenizerJson({ merges: 45 }) },
      /301 tokens but the model's vocabulary is 300/,
    );
    const wide = { ...TINY, vocabulary: 5000 };
    const weights = writeSafetensors(await checkpointTensors(tinyModel(wide)));
    await refusedFiles({ config: tinyConfig(wide), weights }, /300 tokens but the model's vocabulary is 5000/);
    await withCheckpoint({ tokenizer: tinyTokenizerJson({ merges: 20 }) }, async (folder) => {
      assert.match((await loadCheckpoint(folder)).notes.join(), /rows 276 to 299 are padding/);
    });
    await refusedFiles({ tokenizer: "{}" }, /tokenizer\.json is not a byte-level BPE/);
  });

  it("reads weights in 16 bits", async () => {
    const tensors = await checkpointTensors(tinyModel());
    for (const [name, { data, shape }] of Object.entries(tensors)) {
      const upper = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2).filter((_, i) => i % 2 === 1);
      tensors[name] = { dtype: "BF16", shape, data: new Uint8Array(upper.buffer) };
    }
    await withCheckpoint({ weights: writeSafetensors(tensors) }, async (folder) => {
      const loaded = await loadCheckpoint(folder);
      const exact = await floatsOf(tinyModel().weights.layer(3).q);
      for (const [i, value] of (await floatsOf(loaded.weights.layer(3).q)).entries()) {
        assert.ok(Math.abs(value - (exact[i] ?? NaN)) <= Math.abs(value) / 128);
      }
    });
  });

  it("does not read weights when the tokenizer is refused already", async () => {
    await withCheckpoint({ tokenizer: "?" }, async (folder) => {
      await writeFile(join(folder, "model.safetensors"), "nonsense");
      await refused(() => loadCheckpoint(folder), /tokenizer\.json is not JSON/);
    });
  });
});
