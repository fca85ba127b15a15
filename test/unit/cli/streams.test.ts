import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { command, folder, TEXT } from "./command.ts";

const FIXTURES = new URL("fixtures/", import.meta.url);
const LINUX = process.platform === "linux" ? false : "needs Linux's devices";

/** The command with a pretended runtime, as a word of a shell. */
const PROFILE = [
  process.execPath,
  "--import",
  import.meta.resolve("tsx"),
  fileURLToPath(new URL("command.ts", FIXTURES)),
  fileURLToPath(new URL("done-runtime.ts", FIXTURES)),
]
  .map((word) => `'${word}'`)
  .join(" ");

/** Runs a line of bash in which $P is the command and doc.md a document. */
async function shell(path: string, line: string): Promise<{ code: number; out: string; err: string }> {
  writeFileSync(join(path, "doc.md"), TEXT);
  const child = spawn("bash", ["-c", line.replaceAll("$P", PROFILE)], {
    cwd: path,
    env: { ...process.env, npm_lifecycle_event: "test" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const [code] = (await once(child, "close")) as [number];
  return { code, out, err };
}

describe("standard streams", { skip: LINUX, concurrency: 2 }, () => {
  it("appends to what standard output appends to, and reaches pipes and process substitutions", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "log"), "earlier,measurements\n");
    const log = await shell(path, "$P doc.md --quiet --csv /dev/stdout >> log");
    assert.equal(log.code, 0, log.err);
    assert.match(readFileSync(join(path, "log"), "utf8"), /^earlier,measurements\ndocument,tokens,/);
    const pipe = await shell(path, "$P doc.md --quiet --csv /dev/stdout | head -1; echo ${PIPESTATUS[0]}");
    assert.match(pipe.out, /^document,tokens,.*\n0\n$/);
    const both = await shell(path, "$P doc.md --csv /dev/stdout --html r.html");
    assert.match(both.out, /Totals[^]*\ndocument,tokens,/, "in the order of printing");
    const three = await shell(
      path,
      "$P doc.md --quiet --csv /dev/fd/3 3>> log; $P doc.md --quiet --csv >(wc -l > count); sleep 1",
    );
    assert.equal(three.code, 0, three.err);
    assert.equal(readFileSync(join(path, "log"), "utf8").match(/^document,/gm)?.length, 2);
    assert.match(readFileSync(join(path, "count"), "utf8"), /^\d\d+\n$/);
  });

  it("that are closed, full or have no reader lose no files, and only a full standard output is an error", async (t) => {
    const path = folder(t);
    const cases: readonly (readonly [string, number, RegExp])[] = [
      ["> /dev/full", 2, /\nerror: cannot write to standard output: no space left on device\n$/],
      ["2> /dev/full", 0, /^$/],
      [">&- 2>&-", 0, /^$/],
      ["2> >(true)", 0, /^$/],
      ["| true; exit ${PIPESTATUS[0]}", 0, /\nwrote r\.json\n$/],
    ];
    for (const [to, wanted, message] of cases) {
      execFileSync("rm", ["-f", join(path, "r.json")]);
      const { code, err } = await shell(path, `$P doc.md --json r.json ${to}`);
      assert.equal(code, wanted, `${to}: ${err}`);
      assert.match(err, message, to);
      assert.doesNotMatch(err, /\n +at /, to);
      assert.ok(existsSync(join(path, "r.json")), to);
    }
  });

  it("tells a name that is not UTF-8, and takes such a file from standard input", async (t) => {
    const path = folder(t);
    const { out, err } = await shell(
      path,
      "cp doc.md $'b\\xff'; $P $'b\\xff' --quiet; $P - --quiet --csv /dev/stdout < $'b\\xff'",
    );
    assert.match(
      err,
      /^error: b\ufffd does not exist, or its name is not UTF-8: rename it, or read it with "- < FILE"\n$/,
    );
    assert.match(out, /^document,tokens/);
  });

  it("and their run need more than 20 open files, and say so", async (t) => {
    const { code, err } = await shell(folder(t), "ulimit -n 20; $P doc.md --quiet");
    assert.notEqual(code, 0);
    assert.match(err, /ulimit -n|too many open files/);
  });

  it("may not be given a folder to read", async (t) => {
    const { code, err } = await shell(folder(t), "$P - --quiet < .");
    assert.deepEqual([code, err], [2, "error: standard input is a directory, not a document\n"]);
  });

  it("are not written over by name", async (t) => {
    const path = folder(t);
    const { code, err } = await shell(path, "$P doc.md --csv out.csv >> out.csv");
    assert.equal(code, 2);
    assert.match(err, /^error: --csv out\.csv would overwrite the file that standard output is redirected to\n$/);
    const own = await shell(path, "$P - --json doc.md < doc.md");
    assert.match(own.err, /^error: --json doc\.md would overwrite the document itself\n$/);
    assert.equal(readFileSync(join(path, "doc.md"), "utf8"), TEXT);
  });

  it(
    "colours nothing where NO_COLOR is set, and something where it is empty",
    { skip: !existsSync("/usr/bin/script") },
    async (t) => {
      const path = folder(t);
      const coloured = async (env: string): Promise<boolean> => {
        const inner = `env -u CI -u FORCE_COLOR ${env} TERM=xterm-256color ${PROFILE} doc.md`.replaceAll("'", "");
        const { out } = await shell(path, `script -qec "stty cols 80 rows 24; ${inner}" /dev/null < /dev/null`);
        assert.match(out, /Totals/);
        return out.includes("\u001b[36m");
      };
      assert.deepEqual([await coloured("NO_COLOR=1"), await coloured("NO_COLOR=")], [false, true]);
    },
  );
});

describe("pipes by name", { skip: LINUX }, () => {
  it("are read and written like any", async (t) => {
    const path = folder(t);
    for (const name of ["in", "out"]) execFileSync("mkfifo", [join(path, name)]);
    const { code, out, err } = await shell(
      path,
      "cat doc.md > in & cat out & $P in --quiet --csv out; r=$?; wait; exit $r",
    );
    assert.equal(code, 0, err);
    assert.match(out, /^document,tokens,[^]*\nin,/);
  });

  it("and devices without end are refused at the limit", async (t) => {
    const path = folder(t);
    for (const args of [["/dev/zero"], ["compare", "/dev/zero", "/dev/zero"]]) {
      const { code, err } = await command("done", [...args, ...(args.length === 1 ? ["--quiet"] : [])], path);
      assert.equal(code, 2, err);
      assert.match(
        err,
        /error: \/dev\/zero is too large: more than (8|256) MiB \(the maximum for a (document|report) is/,
      );
    }
  });
});
