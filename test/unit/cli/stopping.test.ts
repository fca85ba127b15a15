import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { finish, folder, start, TEXT } from "./command.ts";

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
