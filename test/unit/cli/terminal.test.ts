import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { terminalText } from "../../../src/cli/terminal.ts";
import { withChecks } from "../report/sample-checks.ts";
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
    assert.match(text, /^65,536 tokens: skipped, no room␛\[2J\.$/m);
    assert.match(text, /^ *65,536(?: +-)+$/m);
    assert.match(
      text.replaceAll("\n", " "),
      /Prefill: HySparse is faster than full attention above about 5,\d00 tokens/,
    );
    assert.ok(!text.includes("\u001b"));
    assert.ok(!terminalText(sampleReport(), SAMPLE_TEXT).includes("context length"));
  });

  it("says how the KV cache grows and where the memory is full", () => {
    const text = terminalText(sampleReport(), SAMPLE_TEXT);
    assert.match(text, /^KV cache growth$/m);
    assert.match(text, /^Full attention +12\.7 MiB +about 1,900,000 tokens$/m);
    assert.match(text.replaceAll("\n", " "), /24 GiB of RAM\. An upper bound/);
  });

  it("has what the selection is worth, where it costs most, and how much it covers", () => {
    const report = withChecks(sampleReport());
    report.swaps!.method = "one prefill\u001b[2J";
    const text = terminalText(report, SAMPLE_TEXT);
    assert.match(text, /^The sparse layers of HySparse: attention inside the inherited blocks/m);
    assert.match(text, /^ +1 +3 +60 % +15 % +70 %/m);
    assert.match(text, /^random blocks +1\.2600 +1\.2591 - 1\.2609 +0\.0100 +0\.0063 to 0\.0138 +0\.8 %$/m);
    assert.match(text, /^On this document, the learned selection saves 0\.8 % of the bits compared with random/m);
    assert.match(
      text,
      /^Where random blocks cost most\nHighest of 63 blocks: .*\n 1\. lines \d+-\d+, 31\.4 bits more\n {4}\S/m,
    );
    assert.match(text, /^One prefill␛\[2J\.$/m);
    for (const line of text.slice(text.indexOf("The sparse layers of HySparse:")).split("\n")) {
      assert.ok(line.length <= 100, line);
    }
    assert.ok(!terminalText(sampleReport(), SAMPLE_TEXT).includes("inherited blocks"));
  });

  it("names a place without words where it has no text", () => {
    const text = terminalText(withChecks(sampleReport()), "");
    assert.match(text, /^ 1\. lines \d+-\d+, 31\.4 bits more$/m);
  });
});
