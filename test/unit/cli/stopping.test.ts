import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { readReport } from "../../../src/report/json.ts";
import { command, finish, folder, start, TEXT } from "./command.ts";

describe("stopping", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`takes less than a second on ${signal}, even when the runtime hears nothing, and ends all processes`, async (t) => {
      const path = folder(t);
      writeFileSync(join(path, "doc.md"), TEXT);
      const child = start("blocked", ["doc.md", "--html", "r.html"], path);
      const outcome = finish(child);
      let err = "";
      child.stderr.on("data", (text: string) => (err += text));
      const started = Date.now();
      // A log shows the newest state every four seconds.
      while (!/child \d+/.test(err) && Date.now() - started < 15_000) await pause(50);
      const grandchild = Number(/child (\d+)/.exec(err)![1]);
      const asked = performance.now();
      child.kill(signal);
      const { code, out } = await outcome;
      assert.ok(performance.now() - asked < 1000, `${performance.now() - asked} ms`);
      assert.equal(code, 130);
      assert.equal(out, "");
      assert.match(err, /stopped; nothing was written\n$/);
      assert.deepEqual(readdirSync(path), ["doc.md"]);
      await pause(50);
      assert.equal(isRunning(grandchild), false);
    });
  }

  it("keeps what was measured on Ctrl-C, marked as partial wherever it is written", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), TEXT);
    const outputs = ["--json", "r.json", "--csv", "r.csv", "--trace", "r.trace"];
    const child = start("partial", ["doc.md", ...outputs], path);
    const outcome = finish(child);
    child.stderr.on("data", (text: string) => {
      if (text.includes("Prefill,")) child.kill("SIGINT");
    });
    const { code, out, err } = await outcome;
    assert.equal(code, 3, err);
    assert.match(err, /^whole run: about 6 min 2 s; the first 4,000 tokens alone about 40 s$/m);
    assert.match(err, /^Prefill, \d rounds: HySparse .*full/im);
    assert.match(
      err,
      /wrote r\.trace\nPartial report, saved before the run was complete\. Not measured: decode times, peak memory\.\n$/,
    );
    assert.match(out, /! Partial report, saved before/);
    assert.match(out, /Totals/);
    const report = readReport(readFileSync(join(path, "r.json"), "utf8"), "r.json");
    assert.deepEqual(report.partial, { state: "stopped", missing: ["decode", "peak"] });
    assert.match(readFileSync(join(path, "r.csv"), "utf8"), /,missing,decode,/);
    assert.match(readFileSync(join(path, "r.trace"), "utf8"), /"partial":"Partial report/);
    const again = await command(undefined, ["compare", "r.json", "r.json"], path);
    assert.match(again.out, /This report is partial\. The baseline is partial\./);
  });

  it("ends at once on a second Ctrl-C, while what was measured is being written", async (t) => {
    const path = folder(t);
    execFileSync("mkfifo", [join(path, "unread")]);
    const child = start("partial", ["-", "--json", "unread"], path);
    child.stdin.end(TEXT);
    child.stdout.resume();
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    while (!err.includes("Prefill,")) await pause(20);
    child.kill("SIGINT");
    await pause(1200);
    assert.equal(child.exitCode, null, `it waits for a reader: ${err}`);
    child.kill("SIGINT");
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    assert.ok(code === 130 || signal === "SIGINT", "a shell counts both as 130");
  });

  it("works while a pipe is awaited", async (t) => {
    const child = start("done", ["-"], folder(t));
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    child.stdout.resume();
    while (!err.includes("reading standard input")) await pause(20);
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number];
    assert.equal(code, 130);
  });
});

describe(
  "stopping while something is waited for",
  { skip: process.platform === "linux" ? false : "needs named pipes", concurrency: 2 },
  () => {
    const stopped = async (args: readonly string[], path: string, ready: RegExp): Promise<void> => {
      writeFileSync(join(path, "doc.md"), TEXT);
      const child = start("done", args, path);
      let err = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
      child.stdout.resume();
      while (!ready.test(err)) await pause(20);
      await pause(500);
      const asked = performance.now();
      child.kill("SIGINT");
      const [code, signal] = (await once(child, "close")) as [number | null, string | null];
      assert.deepEqual([code, signal], [130, null], err);
      assert.ok(performance.now() - asked < 1000, `${performance.now() - asked} ms`);
    };

    it("ends a named pipe that nobody writes to", async (t) => {
      const path = folder(t);
      execFileSync("mkfifo", [join(path, "fifo")]);
      await stopped(["fifo"], path, /reading fifo/);
    });

    it("ends an output pipe that nobody reads", async (t) => {
      const path = folder(t);
      execFileSync("mkfifo", [join(path, "fifo")]);
      await stopped(["doc.md", "--csv", "fifo"], path, /reading doc\.md/);
    });
  },
);

/** Whether a process exists and is not merely waiting to be collected. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
