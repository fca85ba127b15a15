import assert from "node:assert/strict";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { UserError } from "../../../src/model/errors.ts";
import { loadModel, MODEL_IDS } from "../../../src/model/models.ts";
import { withCheckpoint } from "../../fixtures/model/checkpoint-folder.ts";

/** Hands over a media folder whose embedded model is the tiny one. */
const withMedia = (use: (mediaRoot: string) => Promise<void>): Promise<void> =>
  withCheckpoint({}, async (folder) => {
    await mkdir(join(folder, "model"));
    for (const name of ["config.json", "model.safetensors", "tokenizer.json"]) {
      await rename(join(folder, name), join(folder, "model", name));
    }
    await use(folder);
  });

describe("loadModel", () => {
  it("loads the embedded model and a folder", async () => {
    await withMedia(async (media) => {
      assert.equal((await loadModel("embedded", media)).origin, "trained");
      assert.equal((await loadModel(join(media, "model"), "/elsewhere")).name, "tiny");
    });
  });

  it("gives the presets the embedded tokenizer and says so", async () => {
    await withMedia(async (media) => {
      const model = await loadModel("paper-80b-a3b", media);
      assert.equal(model.origin, "synthetic");
      assert.equal(model.tokenizer.vocabulary, 300);
      assert.match(model.notes.join("\n"), /embedded model's tokenizer/);
    });
  });

  it("refuses an unknown name with the list of what there is", async () => {
    await assert.rejects(loadModel("gpt"), (error: unknown) => {
      assert.ok(error instanceof UserError);
      for (const id of MODEL_IDS) assert.match(error.message, new RegExp(id));
      return true;
    });
    await assert.rejects(loadModel(""), UserError);
    await assert.rejects(loadModel("a\0b"), UserError);
  });

  it("refuses a file and an embedded model that is not there", async () => {
    await withMedia(async (media) => {
      await writeFile(join(media, "some.txt"), "");
      await assert.rejects(loadModel(join(media, "some.txt")), /is not a folder; give the folder/);
      await assert.rejects(loadModel("embedded", join(media, "nowhere")), UserError);
      await assert.rejects(loadModel("paper-7b", join(media, "nowhere")), UserError);
    });
  });
});
