import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { commit, type Written } from "../../../src/files/commit.ts";
import { planOutput } from "../../../src/files/output.ts";
import { UserError } from "../../../src/model/errors.ts";
import { folder } from "../cli/command.ts";

const root = process.getuid?.() === 0;
const NEEDS_ROOT = root ? false : "only root can do this";

function written(path: string, content = "new"): Written {
  return { output: planOutput(path, `--out ${path.slice(path.lastIndexOf("/") + 1)}`), content };
}

function refuses(act: () => unknown, message: RegExp): void {
  assert.throws(act, (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

/** Mounts for one test. What is registered first is undone first, so this goes before the folder. */
function mounts(context: TestContext): (...args: string[]) => void {
  const mounted: string[] = [];
  context.after(() => mounted.forEach((path) => execFileSync("umount", [path])));
  return (...args) => {
    execFileSync("mount", args);
    mounted.push(args.at(-1)!);
  };
}

describe("writing files", () => {
  it("replaces what was there, links staying links", (t) => {
    const path = folder(t);
    writeFileSync(join(path, "old.json"), "old");
    symlinkSync("old.json", join(path, "link.json"));
    symlinkSync("not yet.json", join(path, "dangling"));
    commit([written(join(path, "link.json")), written(join(path, "dangling"))]);
    assert.equal(readFileSync(join(path, "old.json"), "utf8"), "new");
    assert.equal(readFileSync(join(path, "not yet.json"), "utf8"), "new");
    assert.deepEqual(readdirSync(path).sort(), ["dangling", "link.json", "not yet.json", "old.json"]);
  });

  it("keeps the mode of what it replaces, and gives new files the usual one", (t) => {
    const path = folder(t);
    for (const [name, mode] of [
      ["private", 0o600],
      ["group", 0o664],
      ["all", 0o755],
    ] as const) {
      writeFileSync(join(path, name), "old");
      chmodSync(join(path, name), mode);
      commit([written(join(path, name))]);
      assert.equal(statSync(join(path, name)).mode & 0o777, mode, name);
    }
    writeFileSync(join(path, "usual"), "");
    commit([written(join(path, "fresh"))]);
    assert.equal(statSync(join(path, "fresh")).mode, statSync(join(path, "usual")).mode);
  });

  it("keeps the owner", { skip: NEEDS_ROOT }, (t) => {
    const path = join(folder(t), "theirs");
    writeFileSync(path, "old");
    chownSync(path, 1234, 2345);
    chmodSync(path, 0o640);
    commit([written(path)]);
    const { uid, gid, mode } = statSync(path);
    assert.deepEqual([uid, gid, mode & 0o777], [1234, 2345, 0o640]);
  });

  it("keeps the other names of a file its names", (t) => {
    const path = folder(t);
    writeFileSync(join(path, "a"), "a longer old text");
    linkSync(join(path, "a"), join(path, "b"));
    commit([written(join(path, "a"))]);
    assert.equal(readFileSync(join(path, "b"), "utf8"), "new");
  });

  it("writes into a file that is a mount, with all others", { skip: NEEDS_ROOT }, (t) => {
    const mount = mounts(t);
    const path = folder(t);
    writeFileSync(join(path, "host"), "a longer old text");
    writeFileSync(join(path, "in a box"), "");
    mount("--bind", join(path, "host"), join(path, "in a box"));
    commit([written(join(path, "r.json")), written(join(path, "in a box"))]);
    assert.equal(readFileSync(join(path, "host"), "utf8"), "new");
    assert.deepEqual(readdirSync(path).sort(), ["host", "in a box", "r.json"]);
  });

  it("changes nothing when one does not fit on its disk, whichever comes first", { skip: NEEDS_ROOT }, (t) => {
    const mount = mounts(t);
    const disk = folder(t);
    mount("-t", "tmpfs", "-o", "size=65536", "none", disk);
    const path = folder(t);
    for (const place of [disk, path]) {
      for (const name of ["replaced", "linked"]) writeFileSync(join(place, name), "old");
      linkSync(join(place, "linked"), join(place, "second name"));
    }
    const large = "x".repeat(100_000);
    const sets = [
      [written(join(path, "replaced")), written(join(path, "fresh")), written(join(disk, "replaced"), large)],
      [written(join(path, "linked")), written(join(path, "replaced")), written(join(disk, "linked"), large)],
      [written(join(disk, "linked"), large), written(join(path, "fresh"))],
    ];
    for (const set of sets) {
      refuses(() => commit(set), /^--out (replaced|linked) cannot be written: no space left on device$/);
      for (const place of [disk, path]) {
        assert.deepEqual(readdirSync(place).sort(), ["linked", "replaced", "second name"]);
        for (const name of ["replaced", "linked"]) assert.equal(readFileSync(join(place, name), "utf8"), "old");
      }
    }
  });

  it("puts back what was renamed when a later name is refused", (t) => {
    const path = folder(t);
    writeFileSync(join(path, "old"), "old");
    mkdirSync(join(path, "inner"));
    const files = [written(join(path, "old")), written(join(path, "fresh")), written(join(path, "inner", "lost"))];
    // What happens to the folder between the check and the end of the run.
    const lost = files[2]!.output.way;
    assert.ok(lost.kind === "replace");
    mkdirSync(join(lost.path, "now a folder"), { recursive: true });
    refuses(() => commit(files), /^--out lost cannot be written: /);
    assert.deepEqual(readdirSync(path).sort(), ["inner", "old"]);
    assert.equal(readFileSync(join(path, "old"), "utf8"), "old");
    assert.deepEqual(readdirSync(join(path, "inner")), ["lost"]);
  });

  it("says when the folder is gone", (t) => {
    const path = folder(t);
    mkdirSync(join(path, "gone"));
    const files = [written(join(path, "a")), written(join(path, "gone", "b"))];
    rmSync(join(path, "gone"), { recursive: true });
    refuses(() => commit(files), /^--out b cannot be written: its folder does not exist$/);
    assert.deepEqual(readdirSync(path), []);
  });
});
