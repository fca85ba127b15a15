import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, it } from "mocha";
import * as vscode from "vscode";
import {
  closeAll,
  extensionApi,
  openFile,
  profile,
  PROFILE_MS,
  refusal,
  setting,
  smallProfiles,
  workspaceFile,
  workspacePath,
} from "../support.ts";

// The harness gives this folder settings of its own that name a checkpoint and an executable.
describe("a workspace that is not trusted", function () {
  this.timeout(2 * PROFILE_MS);
  before(smallProfiles);
  after(closeAll);

  it("has settings that name a checkpoint and an executable", async () => {
    assert.equal(vscode.workspace.isTrusted, false);
    const text = await vscode.workspace.fs.readFile(workspaceFile(".vscode/settings.json"));
    assert.match(Buffer.from(text).toString("utf8"), /tiny-checkpoint[^]*nodePath/u);
  });

  it("is profiled with the embedded model by VS Code's own Node.js", async () => {
    const editor = await openFile("retry-queue.ts");
    const report = await profile();
    const api = await extensionApi();
    assert.notEqual(report.model.name, "tiny");
    assert.equal(report.model.weights, "trained");
    assert.equal(existsSync(workspacePath("executed")), false, "the executable of the workspace was run");
    assert.equal(api.panel.state?.trusted, false);
    assert.ok(api.highlights.ranges(editor.document.uri.toString()) > 0);
  });

  it("loads no checkpoint folder, and says why", async () => {
    await setting("model", workspacePath("tiny-checkpoint"));
    try {
      const message = await refusal(() => void vscode.commands.executeCommand("hysparse.profileDocument"));
      assert.match(message, /trust/iu);
    } finally {
      await setting("model", undefined);
    }
  });
});
