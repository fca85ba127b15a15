import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, openSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { planOutput, type Way } from "../../../src/files/output.ts";
import { UserError } from "../../../src/model/errors.ts";
import { folder } from "../cli/command.ts";

const way = (path: string): Way => planOutput(path, "--csv x").way;
const POSIX = process.platform === "win32" ? "there is no such thing on Windows" : false;

describe("how an output is written", () => {
  it("follows links to their end, which need not exist", (t) => {
    const path = folder(t);
    mkdirSync(join(path, "inner"));
    symlinkSync("inner/new.csv", join(path, "link"));
    symlinkSync("link", join(path, "link of link"));
    assert.deepEqual(way(join(path, "link of link")), { kind: "replace", path: join(path, "inner", "new.csv") });
  });

  it("keeps what several names share in its place", { skip: POSIX }, (t) => {
    const path = folder(t);
    writeFileSync(join(path, "a"), "x");
    assert.equal(way(join(path, "a")).kind, "replace");
    linkSync(join(path, "a"), join(path, "b"));
    assert.equal(way(join(path, "a")).kind, "overwrite");
  });

  it("takes pipes and devices as they are, and open files by their number", { skip: POSIX }, (t) => {
    const path = folder(t);
    execFileSync("mkfifo", [join(path, "fifo")]);
    assert.equal(way(join(path, "fifo")).kind, "stream");
    assert.equal(way("/dev/null").kind, "stream");
    const fd = openSync(join(path, "log"), "a");
    symlinkSync(`/dev/fd/${fd}`, join(path, "log link"));
    for (const name of [`/dev/fd/${fd}`, join(path, "log link")]) {
      assert.deepEqual(way(name), { kind: "descriptor", fd }, name);
    }
    assert.deepEqual(way("/dev/stdout"), { kind: "descriptor", fd: 1 });
  });

  it("is refused where nothing can be written", { skip: POSIX }, (t) => {
    const path = folder(t);
    writeFileSync(join(path, "read"), "x");
    const fd = openSync(join(path, "read"), "r");
    const refused = (name: string, message: RegExp): void => {
      assert.throws(
        () => way(name),
        (error) => error instanceof UserError && message.test(error.message),
        name,
      );
    };
    refused("/dev/fd/999", /^--csv x does not exist: no such file is open$/);
    if (process.platform === "linux") refused(`/dev/fd/${fd}`, /^--csv x is not open for writing$/);
    refused("/dev", /is a directory/);
    refused(join(path, "b\ufffd.csv"), /the name is not UTF-8; choose another name$/);
    if (process.getuid?.() === 0) {
      t.diagnostic("root may write everywhere: permissions are not tried");
      return;
    }
    chmodSync(join(path, "read"), 0o400);
    refused(join(path, "read"), /permission denied$/);
  });
});
