import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadCheckpoint } from "../../../src/model/checkpoint.ts";
import { cachedModel, hubCache } from "../../../src/model/hub-cache.ts";
import { loadModel, locateModel } from "../../../src/model/models.ts";
import { CHECKPOINTS } from "../../fixtures/checkpoints/fixtures.ts";

const cache = mkdtempSync(join(tmpdir(), "hub-"));
after(() => rmSync(cache, { recursive: true }));
const environment = { HF_HUB_CACHE: cache };

function cached(name: string, ref: string, snapshot = ref): string {
  const repository = join(cache, `models--${name.replace("/", "--")}`);
  const folder = join(repository, "snapshots", snapshot);
  mkdirSync(join(repository, "refs"), { recursive: true });
  cpSync(join(CHECKPOINTS, "smollm2"), folder, { recursive: true });
  writeFileSync(join(repository, "refs", "main"), `${ref}\n`);
  return folder;
}

describe("Hugging Face's cache", () => {
  it("lies where its own tools say", () => {
    assert.equal(hubCache({ HF_HUB_CACHE: "/a", HF_HOME: "/b" }), "/a");
    assert.equal(hubCache({ HUGGINGFACE_HUB_CACHE: "/c", HF_HOME: "/b" }), "/c");
    assert.equal(hubCache({ HF_HOME: "/b", XDG_CACHE_HOME: "/d" }), join("/b", "hub"));
    assert.equal(hubCache({ XDG_CACHE_HOME: "/d" }), join("/d", "huggingface", "hub"));
    assert.equal(hubCache({}), join(homedir(), ".cache", "huggingface", "hub"));
  });

  it("has models by their names, at the revision of main", async () => {
    const folder = cached("some-org/a.model", "0123abcd");
    assert.equal(cachedModel("some-org/a.model", environment), folder);
    assert.equal((await loadCheckpoint(folder)).name, "some-org/a.model");
    assert.equal(cachedModel("some-org/another", environment), undefined);
  });

  it("leads nowhere else", () => {
    cached("some-org/lying", "../../../../etc", "x");
    for (const id of ["some-org/lying", "../a", "a/..", "a/b/c", "embedded", "", "/etc/passwd"]) {
      assert.equal(cachedModel(id, environment), undefined, id);
    }
  });

  it("is named where it does not hold a model; a path comes first", async () => {
    await assert.rejects(loadModel("some-org/nowhere"), /not in the Hugging Face cache .*; nothing is downloaded/);
    assert.equal(locateModel("checkpoints/llama", join(CHECKPOINTS, "..")), join(CHECKPOINTS, "llama"));
    assert.equal(locateModel("embedded"), "embedded");
  });
});
