import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { readReport } from "../../../src/report/json.ts";
import { command, finish, folder, start } from "./command.ts";

const TEXT = "A line of the document to profile.\n".repeat(40);

describe("the command, with a pretended runtime", { concurrency: 2 }, () => {
  it("prints card, tables, finding and passages; progress goes to stderr", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), TEXT);
    const { code, out, err } = await command("done", ["doc.md"], path);
    assert.equal(code, 0, err);
    for (const part of ["Document   doc.md", "Device ", "Latency and KV memory by layer", "Totals", "HySparse uses"]) {
      assert.ok(out.includes(part), part);
    }
    assert.match(out, /Most attended passages \(last token\)\n 1\. lines? \d/);
    assert.match(err, /^reading doc\.md\n/);
    assert.doesNotMatch(out, /noise|reading/);
    assert.doesNotMatch(err, /noise/, "what engines and drivers print is only shown when they die");
    assert.deepEqual(readdirSync(path), ["doc.md"]);
  });

  it("writes whole files and nothing else beside them", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), TEXT);
    writeFileSync(join(path, "r.json"), "an older report");
    const args = ["doc.md", "--json", "r.json", "--html", "r.html", "--csv", "r.csv"];
    const { code, err } = await command("done", args, path);
    assert.equal(code, 0, err);
    assert.deepEqual(readdirSync(path).sort(), ["doc.md", "r.csv", "r.html", "r.json"]);
    assert.equal(readReport(readFileSync(join(path, "r.json"), "utf8"), "r.json").document.name, "doc.md");
    assert.match(
      readFileSync(join(path, "r.html"), "utf8"),
      /^<!doctype html>.*id="message">.*A line of the document.*<\/html>\n$/s,
    );
    assert.match(readFileSync(join(path, "r.csv"), "utf8"), /^document,tokens,/);
    assert.match(err, /wrote r\.json\nwrote r\.html\nwrote r\.csv\n$/);
  });

  it("puts the report on the last line with --json -, and alone with --quiet", async (t) => {
    const path = folder(t);
    const both = await command("done", ["-", "--json", "-"], path, TEXT);
    assert.equal(both.code, 0, both.err);
    assert.match(both.out, /Totals/);
    assert.equal(readReport(both.out.trimEnd().split("\n").at(-1)!, "stdout").document.name, "standard input");
    const alone = await command("done", ["-", "--json", "-", "--quiet"], path, TEXT);
    assert.equal(alone.out.split("\n").length, 2);
    assert.equal(alone.err, "");
  });

  it("asks for the checks of the selection only when told to", async (t) => {
    const path = folder(t);
    for (const [flags, asked] of [
      [[], [undefined, undefined]],
      [["--fidelity"], [true, undefined]],
      [
        ["--swaps", "--fidelity"],
        [true, true],
      ],
    ] as const) {
      const { code, out, err } = await command("done", ["-", "--json", "-", "--quiet", ...flags], path, TEXT);
      assert.equal(code, 0, err);
      const { settings } = readReport(out, "stdout");
      assert.deepEqual([settings.fidelity, settings.swaps], asked);
    }
  });

  it("shows help and version", async (t) => {
    const help = await command(undefined, ["--help"], folder(t));
    assert.equal(help.code, 0);
    assert.match(help.out, /Usage: profile \[options\] \[file\].*Examples:/s);
    const version = await command(undefined, ["--version"], folder(t));
    assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
  });

  it("answers every mistake with one line and code 2, and writes nothing", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), TEXT);
    writeFileSync(join(path, "empty"), "");
    const mistakes: readonly (readonly [string, RegExp])[] = [
      ["", /no document: name a file/],
      ["gone.md", /gone\.md does not exist/],
      [".", /is a directory/],
      ["empty", /empty is empty/],
      ["doc.md --variants x", /Unknown variant "x"\. Available: hysparse, full/],
      ["doc.md --repetitions 0", /--repetitions/],
      ["doc.md --json no/such/folder.json", /folder no\/such does not exist/],
      ["doc.md --model mistake", /this is a mistake/],
    ];
    for (const [args, message] of mistakes) {
      const words = [...args.split(" ").filter((word) => word !== ""), "--html", "out.html"];
      const { code, out, err } = await command("failing", words, path);
      const complaint = err.split("\n").filter((line) => !line.startsWith("reading "));
      assert.equal(code, 2, args);
      assert.equal(out, "", args);
      assert.match(complaint[0]!, /^error: /, args);
      assert.match(complaint[0]!, message, args);
      assert.equal(complaint.length, 2, err);
    }
    assert.deepEqual(readdirSync(path).sort(), ["doc.md", "empty"]);
  });

  it("calls what nobody foresaw a fault: code 1, the stack only on demand", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), TEXT);
    const short = await command("failing", ["doc.md", "--model", "fault", "--quiet"], path);
    assert.deepEqual([short.code, short.out], [1, ""]);
    assert.match(short.err, /^error: this is a\s+fault \(unexpected; --debug shows the stack trace\)\n$/);
    const long = await command("failing", ["doc.md", "--model", "fault", "--quiet", "--debug"], path);
    assert.match(long.err, /\nthe stack\n$/);
    const killed = await command("failing", ["doc.md", "--model", "crash", "--quiet"], path);
    assert.equal(killed.code, 1);
    assert.match(killed.err, /was killed; the machine may have run out of memory/);
    assert.doesNotMatch(killed.err, /last words/);
    const told = await command("failing", ["doc.md", "--model", "crash", "--quiet", "--debug"], path);
    assert.match(told.err, /\nlast words of a driver\n$/, "what was printed is shown to who asks");
  });

  it("finds files from where npm was called", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), TEXT);
    const env = { npm_lifecycle_event: "profile", INIT_CWD: path };
    const { code, err } = await finish(start("done", ["doc.md", "--json", "r.json", "--quiet"], "/", env));
    assert.equal(code, 0, err);
    assert.deepEqual(readdirSync(path).sort(), ["doc.md", "r.json"]);
  });

  it("does not mind a reader that has seen enough", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), TEXT);
    const child = start(undefined, ["--help"], path);
    child.stdout.destroy();
    const { code, err } = await finish(child);
    assert.deepEqual([code, err], [0, ""]);
  });
});

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

/** Whether a process exists and is not merely waiting to be collected. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
