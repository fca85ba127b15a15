import assert from "node:assert/strict";
import { linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkTargets } from "../../../src/cli/outputs.ts";
import { UserError } from "../../../src/model/errors.ts";
import { folder } from "./command.ts";

const json = (name: string): { option: string; name: string } => ({ option: "--json", name });
const html = (name: string): { option: string; name: string } => ({ option: "--html", name });

describe("output files", () => {
  const refuses = (act: () => unknown, message: RegExp): void => {
    assert.throws(act, (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      return true;
    });
  };

  it("are refused before the run when they could not be written", (t) => {
    const path = folder(t);
    mkdirSync(join(path, "inner"));
    writeFileSync(join(path, "doc.md"), "x");
    symlinkSync("round", join(path, "round"));
    refuses(() => checkTargets([json("no/such/a.json")], path), /^--json no\/such\/a\.json: folder no\/such does not/);
    refuses(() => checkTargets([json("doc.md/a.json")], path), /is not a folder$/);
    refuses(() => checkTargets([json("inner")], path), /^--json inner is a directory/);
    refuses(
      () => checkTargets([json("round")], path),
      /^--json round cannot be written: its symbolic links form a loop/,
    );
    refuses(() => checkTargets([json("n".repeat(256))], path), /the name is too long$/);
    refuses(
      () => checkTargets([json("a"), html("./inner/../a")], path),
      /^--html .* would overwrite what --json writes/,
    );
    assert.deepEqual(readdirSync(path).sort(), ["doc.md", "inner", "round"], "a check leaves nothing behind");
  });

  it("may have the longest names there are", (t) => {
    const [target] = checkTargets([json(`${"n".repeat(250)}.json`)], folder(t));
    assert.equal(target!.output.way.kind, "replace");
  });

  it("are not what the run reads, by whatever name", (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), "x");
    mkdirSync(join(path, "model"));
    writeFileSync(join(path, "model", "config.json"), "{}");
    symlinkSync("doc.md", join(path, "alias.html"));
    linkSync(join(path, "doc.md"), join(path, "second.json"));
    const inUse = { document: "doc.md", model: "model" };
    const names: readonly (readonly [string, RegExp])[] = [
      ["doc.md", /^--json doc\.md would overwrite the document itself$/],
      ["alias.html", /would overwrite the document itself$/],
      ["second.json", /would overwrite the document itself$/],
      ["model/config.json", /would overwrite config\.json of the model$/],
    ];
    for (const [name, message] of names) refuses(() => checkTargets([json(name)], path, inUse), message);
    checkTargets([json("model/r.json")], path, inUse);
  });

  it("are one file by a second name, too, and by a link to nothing yet", (t) => {
    const path = folder(t);
    writeFileSync(join(path, "a"), "x");
    linkSync(join(path, "a"), join(path, "b"));
    symlinkSync("new", join(path, "link"));
    refuses(() => checkTargets([json("a"), html("b")], path), /^--html b would overwrite what --json writes$/);
    refuses(() => checkTargets([json("new"), html("link")], path), /^--html link would overwrite what --json writes$/);
    checkTargets([json("/dev/null"), html("/dev/null")], path);
  });
});
