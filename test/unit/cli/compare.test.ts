import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { serialize } from "../../../src/report/json.ts";
import { sampleReport } from "../report/sample-report.ts";
import { command, folder, TEXT } from "./command.ts";

describe("comparing on the command line", { concurrency: 2 }, () => {
  it("holds two saved reports against each other without profiling", async (t) => {
    const path = folder(t);
    const later = sampleReport();
    later.environment.device = "Another \u001b[31mCPU";
    writeFileSync(join(path, "old.hysparse.json"), serialize(sampleReport()));
    writeFileSync(join(path, "new.hysparse.json"), serialize(later));
    const { code, out, err } = await command("failing", ["compare", "old.hysparse.json", "new.hysparse.json"], path);
    assert.equal(code, 0, err);
    assert.match(
      out,
      /^Compared with old\.hysparse\.json, measured 2026-11-22 01:05 UTC: No significant\s+difference[^]*different:\s+device/,
    );
    assert.match(
      out,
      /Compared with the baseline[^]*HySparse +Time to first token[^]*no significant difference \(at most \d+ %/,
    );
    assert.match(out, /What differs[^]*device +Example CPU with AVX-512 +Another ␛\[31mCPU/);
    assert.ok(!out.includes("\u001b"), "a report does not steer the terminal");
    assert.equal(err, "");
  });

  it("says what is missing or no report", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), TEXT);
    const mistakes: readonly (readonly [string, RegExp])[] = [
      ["compare", /missing required argument 'baseline'/],
      ["compare a.json", /missing required argument 'report'/],
      ["compare gone.json gone.json", /gone\.json does not exist/],
      ["compare doc.md doc.md", /doc\.md is not valid JSON/],
      ["compare a b c", /too many arguments/],
      ["doc.md --compare gone.json", /gone\.json does not exist/],
      ["doc.md --compare doc.md", /doc\.md is not valid JSON/],
    ];
    for (const [args, message] of mistakes) {
      const { code, out, err } = await command("done", args.split(" "), path);
      assert.equal(code, 2, `${args}: ${err}`);
      assert.equal(out, "");
      assert.match(err, /^error: [^\n]*\n$/);
      assert.match(err, message);
    }
    const help = await command("failing", ["compare", "--help"], path);
    assert.equal(help.code, 0);
    assert.match(help.out, /Usage: profile compare \[options\] <baseline> <report>/);
  });

  it("holds a new profile against a saved report, which may be replaced by it", async (t) => {
    const path = folder(t);
    writeFileSync(join(path, "doc.md"), TEXT);
    const first = await command("done", ["doc.md", "--json", "r.hysparse.json", "--trace", "t.json"], path);
    assert.equal(first.code, 0, first.err);
    assert.match(first.err, /wrote r\.hysparse\.json\nwrote t\.json\n$/);
    assert.deepEqual(readdirSync(path).sort(), ["doc.md", "r.hysparse.json", "t.json"]);
    assert.match(readFileSync(join(path, "t.json"), "utf8"), /^\{"displayTimeUnit":"ms".*"traceEvents":\[/);

    const args = ["doc.md", "--compare", "r.hysparse.json", "--json", "r.hysparse.json"];
    const again = await command("done", args, path);
    assert.equal(again.code, 0, again.err);
    assert.match(again.out, /Totals[^]*Compared with r\.hysparse\.json[^]*No significant\s+difference/);
    const quiet = await command("done", [...args.slice(0, 3), "--quiet"], path);
    assert.match(quiet.out, /^\nCompared with/, "it was asked for by name");
  });
});
