import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ReferenceEngine } from "../../../src/engine/reference/engine.ts";
import { FORMATS } from "../../../src/model/formats/formats.ts";
import { EMBEDDED_ID, loadModel } from "../../../src/model/models.ts";
import { tinyModel, withCheckpoint } from "../../fixtures/model/checkpoint-folder.ts";
import { madeUp, writeMadeUp } from "../../fixtures/model/made-up-format.ts";

const TOKENS = Uint32Array.from({ length: 30 }, (_, i) => (i * 37) % 300);

describe("formats of checkpoints", () => {
  it("have ids of their own and words for errors", async () => {
    assert.equal(new Set(FORMATS.map(({ id }) => id)).size, FORMATS.length);
    await assert.rejects(loadModel("gpt", undefined, [...FORMATS, madeUp]), (error: Error) => {
      for (const { title } of [...FORMATS, madeUp]) assert.ok(error.message.includes(title), error.message);
      return true;
    });
  });

  it("another one is a file and a row", async () => {
    const folder = await mkdtemp(join(tmpdir(), "hysparse-"));
    try {
      const path = join(folder, "some.numbers");
      await writeFile(path, await writeMadeUp(tinyModel()));
      const model = await loadModel(path, undefined, [...FORMATS, madeUp]);
      assert.equal(model.name, "made up");
      assert.match(model.notes.join(), /every number was written out/);
      const run = async (of: typeof model): Promise<Float32Array> => {
        const runner = await new ReferenceEngine().load(of, "hysparse");
        return runner.prefill(TOKENS);
      };
      assert.deepEqual(await run(model), await run(tinyModel()));
      await assert.rejects(loadModel(path), /is not a folder/, "without the row it is none");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("what none matches is explained by the first", async () => {
    await withCheckpoint({ config: { some: "json" } }, async (folder) => {
      await assert.rejects(loadModel(folder, undefined, [...FORMATS, madeUp]), /this is not a HySparse checkpoint/);
    });
  });

  it("the embedded model is one like any other", async () => {
    await withCheckpoint({}, async (folder) => {
      const [hysparse] = FORMATS;
      assert.ok(await hysparse.matches(folder));
      assert.equal(await hysparse.matches(join(folder, "nothing")), false);
      for (const file of hysparse.files(folder)) assert.ok((await readFile(file)).length > 0);
    });
    const seen: string[] = [];
    const [first, ...others] = FORMATS;
    const watching = { ...first, open: (path: string) => (seen.push(path), first.open(path)) };
    await loadModel(EMBEDDED_ID, undefined, [watching, ...others]);
    assert.match(seen.join(), /media.model$/);
  });
});
