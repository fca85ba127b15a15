import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkTargets, writeAll } from "../../../src/cli/outputs.ts";
import { UserError } from "../../../src/model/errors.ts";
import { folder } from "./command.ts";

const json = (name: string): { option: string; name: string } => ({ option: "--json", name });
const html = (name: string): { option: string; name: string } => ({ option: "--html", name });

describe("output files", () => {
  const refuses = (act: () => unknown, message: RegExp): void => {
    assert.throws(act, (error) => error instanceof UserError && message.test(error.message));
  };

  it("are refused before the run when they could not be written", (t) => {
    const path = folder(t);
    mkdirSync(join(path, "inner"));
    writeFileSync(join(path, "doc.md"), "x");
    refuses(
      () => checkTargets([json("no/such/a.json")], path),
      /^--json no\/such\/a\.json: the folder no\/such does not/,
    );
    refuses(() => checkTargets([json("doc.md/a.json")], path), /is not a folder$/);
    refuses(() => checkTargets([json("inner")], path), /^--json inner is a directory/);
    refuses(() => checkTargets([json("/dev/null")], path), /not a plain file/);
    refuses(
      () => checkTargets([json("a"), html("./inner/../a")], path),
      /^--html .* would overwrite what --json writes/,
    );
    refuses(
      () => checkTargets([html("doc.md")], path, "doc.md"),
      /^--html doc\.md would overwrite the document itself$/,
    );
    assert.deepEqual(readdirSync(path).sort(), ["doc.md", "inner"], "a check leaves nothing behind");
  });

  it("are found to be one file through links, too", (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), "x");
    symlinkSync("doc.md", join(path, "alias.html"));
    refuses(() => checkTargets([html("alias.html")], path, "doc.md"), /would overwrite the document itself/);
  });

  it("replace what was there, links staying links", (t) => {
    const path = folder(t);
    writeFileSync(join(path, "old.json"), "old");
    symlinkSync("old.json", join(path, "link.json"));
    const [target] = checkTargets([json("link.json")], path);
    writeAll([{ target: target!, content: "new" }]);
    assert.equal(readFileSync(join(path, "old.json"), "utf8"), "new");
    assert.deepEqual(readdirSync(path).sort(), ["link.json", "old.json"]);
  });

  it("are all or none when the disk refuses one", (t) => {
    const path = folder(t);
    mkdirSync(join(path, "inner"));
    const [first] = checkTargets([json("a.json")], path);
    const lost = { option: "--html", name: "gone/b.html", path: join(path, "gone", "b.html") };
    const files = [
      { target: first!, content: "a" },
      { target: lost, content: "b" },
    ];
    refuses(() => writeAll(files), /^--html gone\/b\.html cannot be written: ENOENT/);
    assert.deepEqual(readdirSync(path), ["inner"]);
  });
});
