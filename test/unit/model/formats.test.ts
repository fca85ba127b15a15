import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { FORMATS } from "../../../src/model/formats/formats.ts";
import { loadModel } from "../../../src/model/models.ts";
import type { Report } from "../../../src/protocol/report.ts";
import { readReport } from "../../../src/report/json.ts";
import { standIn } from "../../fixtures/stand-in.ts";
import { tinyModel, withCheckpoint } from "../../fixtures/model/checkpoint-folder.ts";
import { writeMadeUp } from "../../fixtures/model/made-up-format.ts";
import { finish, folder, start, type Outcome } from "../cli/command.ts";

describe("formats of checkpoints", () => {
  it("have ids of their own, and words for errors", async () => {
    assert.equal(new Set(FORMATS.map(({ id }) => id)).size, FORMATS.length);
    await assert.rejects(loadModel("gpt"), (error: Error) => {
      for (const { title } of FORMATS) assert.ok(error.message.includes(title), error.message);
      return true;
    });
  });

  it("know their own, and the files it is read from", async () => {
    await withCheckpoint({}, async (path) => {
      const [hysparse] = FORMATS;
      assert.ok(await hysparse.matches(path));
      assert.equal(await hysparse.matches(join(path, "nothing")), false);
      for (const file of hysparse.files(path)) assert.ok((await readFile(file)).length > 0);
    });
  });

  it("what none matches is explained by the first", async () => {
    await withCheckpoint({ config: { some: "json" } }, async (path) => {
      await assert.rejects(loadModel(path), /this is not a HySparse checkpoint/);
    });
  });
});

/** The command in processes whose table of formats has one row more: no other test sees it. */
describe("a row more in the table of formats", () => {
  const loader = standIn(
    "/src/model/formats/formats.ts",
    new URL("../../fixtures/model/made-up-format.ts", import.meta.url),
  );
  const run = (cwd: string, ...args: string[]): Promise<Outcome> =>
    finish(start(undefined, ["doc.md", ...args], cwd, { NODE_OPTIONS: `--import ${loader}` }));

  /** Profiles the document with the model at `path`. */
  async function profiled(cwd: string, path: string): Promise<Report> {
    const options = ["--engine", "reference", "--variants", "hysparse", "--repetitions", "1", "--decode", "0"];
    const { code, err } = await run(cwd, "--model", path, ...options, "--json", "report.json");
    assert.equal(code, 0, err);
    return readReport(readFileSync(join(cwd, "report.json"), "utf8"), "report.json");
  }

  it("is profiled by the command, with the results of the same weights in another format", async (t) => {
    const cwd = folder(t);
    writeFileSync(join(cwd, "doc.md"), "Some text to attend to, and to read again from its beginning to its end.\n");
    writeFileSync(join(cwd, "some.numbers"), await writeMadeUp(tinyModel()));
    const { model, selection } = await profiled(cwd, "some.numbers");
    assert.equal(model.name, "made up");
    assert.ok(model.notes.includes("Here every number was written out."), model.notes.join());
    assert.ok(selection !== undefined && selection.oracles.length > 0);
    await withCheckpoint({}, async (path) => {
      const known = await profiled(cwd, path);
      assert.deepEqual(selection, known.selection);
    });
    await assert.rejects(loadModel(join(cwd, "some.numbers")), /is not a folder/, "without the row it is none");
  });

  it("has its files guarded, and its place in the list of what is read", async (t) => {
    const cwd = folder(t);
    writeFileSync(join(cwd, "doc.md"), "text");
    writeFileSync(join(cwd, "some.numbers"), "{}");
    const over = await run(cwd, "--model", "some.numbers", "--json", "some.numbers");
    assert.match(over.err, /--json some\.numbers would overwrite some\.numbers of the model/);
    const unknown = await run(cwd, "--model", "gpt", "--engine", "reference");
    assert.match(unknown.err, /or the path of a HySparse checkpoint, .*, or a file of numbers/);
  });
});
