import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { terminalText } from "../../../src/cli/terminal.ts";
import { sampleReport, SAMPLE_TEXT } from "../report/sample-report.ts";
import { withSweep } from "../report/sample-sweep.ts";

describe("the report in a terminal", () => {
  it("has a sweep's times, bytes and gaps, and where HySparse becomes faster", () => {
    const report = withSweep(sampleReport(), [1024, 8192]);
    report.sweep!.points.push({ tokens: 65536, repeated: true, variants: {}, skipped: "no room\u001b[2J" });
    const text = terminalText(report, SAMPLE_TEXT);
    assert.match(text, /^Prefill by context length\n.*\n(?:.*\n)*? *1,024 +614 ms +602 ms - 627 ms/m);
    assert.match(text, /^Decode by context length$/m);
    assert.match(text, /^KV cache by context length$/m);
    assert.match(text, /^65,536 tokens: not run, no room␛\[2J\.$/m);
    assert.match(text, /^ *65,536(?: +-)+$/m);
    assert.match(text.replaceAll("\n", " "), /Below about 5,\d00 tokens the prefill of full attention is faster/);
    assert.ok(!text.includes("\u001b"));
    assert.ok(!terminalText(sampleReport(), SAMPLE_TEXT).includes("context length"));
  });

  it("says how the KV cache grows and where the memory is full", () => {
    const text = terminalText(sampleReport(), SAMPLE_TEXT);
    assert.match(text, /^Growth of the KV cache$/m);
    assert.match(text, /^Full attention +12\.7 MiB +about 1,900,000 tokens$/m);
    assert.match(text.replaceAll("\n", " "), /24 GiB of physical memory.*it is an upper bound/);
  });
});
