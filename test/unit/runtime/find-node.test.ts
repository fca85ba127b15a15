import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { findNode } from "../../../src/runtime/find-node.ts";

const root = mkdtempSync(join(tmpdir(), "hysparse-find-node-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** A folder with an executable `node` that prints `version`. */
function folderOf(name: string, version: string, mode = 0o755): string {
  const folder = join(root, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "node"), `#!/bin/sh\necho ${version}\n`);
  chmodSync(join(folder, "node"), mode);
  return folder;
}

describe("a Node.js on the PATH", { skip: process.platform === "win32" ? "needs shell scripts" : false }, () => {
  it("is the first that is new enough", async () => {
    const old = folderOf("old", "v18.20.4");
    const almost = folderOf("almost", "v20.18.9");
    const good = folderOf("good", "v22.1.0");
    const later = folderOf("later", "v24.0.0");
    const path = [join(root, "nothing"), old, almost, good, later].join(delimiter);
    assert.equal(await findNode({ PATH: path }), join(good, "node"));
  });

  it("is not a file that cannot run, says something else, or lies in a relative folder", async () => {
    const plain = folderOf("plain", "v22.1.0", 0o644);
    const other = folderOf("other", "node, a tool for nodes");
    assert.equal(await findNode({ PATH: [plain, other, "bin", ""].join(delimiter) }), undefined);
    assert.equal(await findNode({}), undefined);
  });

  it("is this one when it stands there", async () => {
    const found = await findNode({ PATH: dirname(process.execPath) });
    assert.equal(found, process.execPath);
  });
});
