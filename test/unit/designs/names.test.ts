import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { DESIGN_IDS } from "../../../src/designs/designs.ts";
import { packageFile } from "../../../src/model/package-root.ts";

/** Where "hysparse" is no design: the format of our checkpoints, and the section of our settings. */
const OTHER_MEANING = /^src\/(?:model\/(?:checkpoint-config|formats\/hysparse)|extension\/settings[.])/u;

/** Ids that are no other word of the code: `full` is a mixer's name too. */
const IDS = DESIGN_IDS.filter((id) => id !== "full");

function sources(folder: string): string[] {
  return readdirSync(packageFile(folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /[.][cm]?[jt]s$/u.test(name))
    .map((name) => join(folder, name).replaceAll("\\", "/"))
    .filter((name) => !name.startsWith("src/designs/"));
}

describe("a design's id", () => {
  it("is written nowhere but in its own folder", () => {
    const files = [...sources("src"), ...sources("webview"), ...sources("kernels")];
    assert.ok(files.length > 300);
    for (const file of files) {
      const code = readFileSync(packageFile(file), "utf8").replace(/\/[*][^]*?[*]\/|\/\/.*$/gmu, "");
      const found = IDS.filter((id) => new RegExp(`["'\`]${id}["'\`]`, "u").test(code));
      const foreign = OTHER_MEANING.test(file) ? found.filter((id) => id !== "hysparse") : found;
      assert.deepEqual(foreign, [], file);
    }
  });
});
