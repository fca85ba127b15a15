import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "mocha";
import * as vscode from "vscode";
import {
  closeAll,
  extensionApi,
  openFile,
  openText,
  palette,
  profile,
  PROFILE_MS,
  refusal,
  reportAfter,
  smallProfiles,
  tinyProfiles,
  workspaceFile,
} from "../support.ts";

describe("documents", function () {
  this.timeout(2 * PROFILE_MS);
  before(smallProfiles);
  afterEach(closeAll);

  it("the selection alone", async () => {
    const editor = await openFile("retry-queue.ts");
    editor.selection = new vscode.Selection(20, 0, 60, 0);
    const text = editor.document.getText(editor.selection);
    const report = await reportAfter(() => void vscode.commands.executeCommand("hysparse.profileSelection"));
    assert.equal(report.document.characters, text.length);

    const api = await extensionApi();
    assert.ok(api.highlights.ranges(editor.document.uri.toString()) > 0, "no highlights");
  });

  it("one that was never saved", async () => {
    await tinyProfiles();
    const editor = await openText("A document without a file. ".repeat(15));
    const report = await profile();
    assert.equal(report.document.characters, editor.document.getText().length);
    const api = await extensionApi();
    assert.ok(api.highlights.ranges(editor.document.uri.toString()) > 0, "no highlights");
  });

  describe("without a file at all", () => {
    let ending: vscode.Disposable;
    before(() => {
      const text = "# Made by another extension\n".repeat(30);
      ending = vscode.workspace.registerTextDocumentContentProvider("hysparse-story", {
        provideTextDocumentContent: () => text,
      });
    });
    after(() => void ending.dispose());

    it("a virtual one", async () => {
      await tinyProfiles();
      const uri = vscode.Uri.parse("hysparse-story:/notes/virtual.md");
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
      const report = await profile();
      assert.equal(report.document.name, "virtual.md");
    });
  });

  it("a notebook gets a clear no", async () => {
    const notebook = await vscode.workspace.openNotebookDocument(workspaceFile("notes.ipynb"));
    await vscode.window.showNotebookDocument(notebook);
    assert.match(await refusal(() => palette("HySparse: Profile Document")), /notebook/iu);
  });

  it("a binary file gets a clear no", async () => {
    await vscode.commands.executeCommand("vscode.open", workspaceFile("picture.bin"));
    assert.match(await refusal(() => palette("HySparse: Profile Document")), /text/iu);
  });

  it("an empty document gets a clear no", async () => {
    await openFile("empty.txt");
    assert.match(await refusal(() => palette("HySparse: Profile Document")), /empty/iu);
  });

  it("no document gets a clear no", async () => {
    await closeAll();
    assert.match(await refusal(() => palette("HySparse: Profile Document")), /open|document/iu);
  });
});
