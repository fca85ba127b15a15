import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import * as vscode from "vscode";
import type { ExtensionApi } from "../../../../src/extension/api.ts";
import type { Report } from "../../../../src/protocol/report.ts";
import { closeAll, extensionApi, openFile, profile, PROFILE_MS, smallProfiles, until } from "../support.ts";

describe("in the text", function () {
  this.timeout(2 * PROFILE_MS);
  let editor: vscode.TextEditor;
  let report: Report;
  let api: ExtensionApi;
  const uri = (): string => editor.document.uri.toString();
  const cursorTo = (offset: number): void => {
    const position = editor.document.positionAt(offset);
    editor.selection = new vscode.Selection(position, position);
  };

  before(async () => {
    await smallProfiles();
    editor = await openFile("retry-queue.ts");
    report = await profile();
    api = await extensionApi();
    await vscode.window.showTextDocument(editor.document, editor.viewColumn);
  });
  after(closeAll);

  it("highlights are switched off and on", async () => {
    const shown = api.highlights.ranges(uri());
    assert.ok(shown > 0);
    await vscode.commands.executeCommand("hysparse.toggleHighlights");
    await until("no highlights", () => api.highlights.ranges(uri()) === 0 && api.panel.state?.highlights === false);
    await vscode.commands.executeCommand("hysparse.toggleHighlights");
    await until("highlights", () => api.highlights.ranges(uri()) === shown && api.panel.state?.highlights === true);
  });

  it("a hover says what the colour means", async () => {
    const passage = report.importance?.passages[0];
    assert.ok(passage);
    const at = editor.document.positionAt(passage.start);
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      "vscode.executeHoverProvider",
      editor.document.uri,
      at,
    );
    const parts = hovers.flatMap(({ contents }) => contents);
    const text = parts.map((part) => (part instanceof vscode.MarkdownString ? part.value : "")).join("\n");
    assert.match(text, /score/iu);
    assert.match(text, /select/iu);
    assert.match(text, /document/iu);
  });

  it("next and previous go through the important passages", async () => {
    const starts = new Set(report.importance?.passages.map((passage) => passage.start));
    assert.ok(starts.size > 1);
    cursorTo(0);
    const at = (): number => editor.document.offsetAt(editor.selection.active);
    const visited: number[] = [];
    for (let step = 0; step < 3; step++) {
      const from = at();
      await vscode.commands.executeCommand("hysparse.nextPassage");
      await until("the cursor in another passage", () => at() !== from);
      visited.push(at());
    }
    assert.equal(new Set(visited).size, 3);
    await vscode.commands.executeCommand("hysparse.previousPassage");
    await until("the cursor in the passage before", () => at() === visited[1]);
  });

  it("follow the cursor shows what the token at the cursor selects", async () => {
    await vscode.commands.executeCommand("hysparse.followCursor");
    await until("following", () => api.panel.state?.follow);
    const length = editor.document.getText().length;
    for (const share of [0.95, 0.5, 0.75]) {
      const offset = Math.floor(length * share);
      cursorTo(offset);
      const cursor = await until("the token at the cursor", () => {
        const found = api.panel.state?.cursor;
        return found !== undefined && found.start <= offset && offset < found.end && found;
      });
      assert.equal(cursor.line, editor.document.positionAt(cursor.start).line + 1);
      assert.ok(cursor.oracles.length > 0);
      for (const oracle of cursor.oracles) {
        assert.ok(oracle.blocks.length > 0);
        // A token selects among what it can see.
        for (const { block } of oracle.blocks) assert.ok(report.document.blockRanges[block]![0] <= cursor.start);
      }
      assert.ok(cursor.windowStart <= cursor.start);
      assert.ok(api.highlights.ranges(uri()) > 0);
      assert.ok((api.highlights.lastUpdateMs ?? Infinity) < 1000);
    }
    await vscode.commands.executeCommand("hysparse.followCursor");
    await until("no longer following", () => api.panel.state?.follow === false && api.panel.state.cursor === undefined);
  });

  it("an edit makes the highlights stale, and undoing it makes them current", async () => {
    assert.equal(api.highlights.stale, false);
    const end = new vscode.Position(editor.document.lineCount, 0);
    assert.ok(await editor.edit((edit) => edit.insert(end, "\nOne more line.\n")));
    await until("stale highlights", () => api.highlights.stale && api.panel.state?.document === "edited");
    await vscode.commands.executeCommand("undo");
    await until("current highlights", () => !api.highlights.stale && api.panel.state?.document === "current");
  });

  it("an edit inside keeps what was not touched, shifted", async () => {
    const shown = api.highlights.ranges(uri());
    assert.ok(await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "New first line.\n")));
    await until("stale highlights", () => api.highlights.stale);
    assert.ok(api.highlights.ranges(uri()) > 0);
    assert.ok(api.highlights.ranges(uri()) <= shown);
    await vscode.commands.executeCommand("undo");
    await until("all highlights", () => !api.highlights.stale && api.highlights.ranges(uri()) === shown);
  });

  it("a closed document is said to be closed, and opened again it has its highlights", async () => {
    const shown = api.highlights.ranges(uri());
    await vscode.window.showTextDocument(editor.document, editor.viewColumn);
    await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
    editor = await openFile("retry-queue.ts");
    await until("highlights", () => api.highlights.ranges(uri()) === shown);
    await until("a current document", () => api.panel.state?.document === "current");
  });
});
