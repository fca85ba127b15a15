import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { UserError } from "../../../src/model/errors.ts";
import { readReport, serialize, serializeLine } from "../../../src/report/json.ts";
import { schemaText } from "../../../src/report/schema.ts";
import { sampleReport } from "./sample-report.ts";

function refuses(text: string, message: RegExp): void {
  assert.throws(
    () => readReport(text, "saved.json"),
    (error) => error instanceof UserError && message.test(error.message) && !error.message.includes("\n"),
  );
}

describe("JSON report", () => {
  it("reads back exactly what it wrote, in both forms", () => {
    const report = sampleReport();
    assert.deepEqual(readReport(serialize(report), "a"), report);
    assert.deepEqual(readReport(serializeLine(report), "b"), report);
  });

  it("is one line for pipes, and short lists stay on one line in files", () => {
    const report = sampleReport();
    assert.ok(!serializeLine(report).includes("\n"));
    assert.match(serialize(report), /"samples": \[[\d., ]+\]/);
    assert.ok(serialize(report).endsWith("}\n"));
  });

  it("leaves absent fields out", () => {
    const report = { ...sampleReport(), selection: undefined };
    assert.ok(!serialize(report).includes("selection"));
  });

  it("refuses what is no report in one clear sentence", () => {
    refuses("", /^saved\.json is not valid JSON/);
    refuses("{", /^saved\.json is not valid JSON/);
    refuses("null", /not a HySparse report \(no schemaVersion\)/);
    refuses("[]", /not a HySparse report/);
    refuses('{"schemaVersion": 2}', /report format 2; this version reads format 1/);
    refuses('{"schemaVersion": "1"}', /report format "1"/);
  });

  it("names the path of a broken field and how many there are", () => {
    const report = sampleReport();
    report.variants.full!.layers[3]!.kvBytes = -1;
    refuses(serialize(report), /^saved\.json is not a valid report: variants\.full\.layers\[3\]\.kvBytes: .*0/);
    report.variants.full!.layers[4]!.kvBytes = 0.5;
    refuses(serialize(report), /\(and 1 more\)$/);
    refuses(serializeLine({ ...sampleReport(), extra: 1 } as never), /extra/);
  });
});

describe("media/report.schema.json", () => {
  it("is what the code says; npm run schema writes it", () => {
    assert.equal(readFileSync(new URL("../../../media/report.schema.json", import.meta.url), "utf8"), schemaText());
  });
});
