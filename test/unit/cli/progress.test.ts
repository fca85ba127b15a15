import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import type { WriteStream } from "node:tty";
import { createProgress, Estimate, Lines } from "../../../src/cli/progress.ts";

describe("progress in a log", () => {
  it("comes at once and then at most every few seconds, the newest state only", () => {
    const lines: string[] = [];
    let now = 0;
    const progress = new Lines(
      (line) => lines.push(line),
      () => now,
      4000,
    );
    progress.phase("reading");
    progress.phase("loading");
    now = 3000;
    progress.progress({ phase: "prefill", variant: "full", done: 10, total: 100 });
    assert.deepEqual(lines, ["reading"]);
    now = 4100;
    progress.progress({ phase: "prefill", variant: "full", done: 20, total: 100 });
    now = 8300;
    progress.progress({ phase: "prefill", variant: "full", done: 20, total: 100 });
    progress.stop();
    assert.equal(lines.length, 3);
    assert.equal(lines[1], "prefill, Full attention: 20 %");
    assert.match(lines[2]!, /20 %, about \d+ s left/);
  });
});

describe("progress on a terminal", () => {
  it("is plain lines where the terminal says that it is 0 columns wide", () => {
    const { CI, TERM } = process.env;
    delete process.env["CI"];
    process.env["TERM"] = "xterm";
    try {
      const stream = new PassThrough();
      const progress = createProgress(
        Object.assign(stream, { isTTY: true, columns: 0 }) as unknown as WriteStream,
        false,
      );
      progress.phase("reading");
      progress.stop();
      assert.equal(String(stream.read()), "reading\n");
    } finally {
      if (CI !== undefined) process.env["CI"] = CI;
      if (TERM === undefined) delete process.env["TERM"];
      else process.env["TERM"] = TERM;
    }
  });
});

describe("the estimate", () => {
  it("waits until it knows something, then follows the rate", () => {
    let now = 0;
    const estimate = new Estimate(() => now);
    const at = (ms: number, done: number): string => {
      now = ms;
      return estimate.text({ phase: "work", done, total: 100 });
    };
    assert.equal(at(0, 0), "work: 0 %");
    assert.equal(at(1000, 10), "work: 10 %");
    assert.equal(at(10_000, 50), "work: 50 %, about 10 s left");
    assert.equal(at(20_000, 100), "work: 100 %");
    assert.equal(estimate.text({ phase: "nothing to do", done: 0, total: 0 }), "nothing to do: 0 %");
  });
});
