import assert from "node:assert/strict";
import { describe, it } from "mocha";
import * as vscode from "vscode";
import { say } from "../../suite/events.ts";
import { EXTENSION, extensionApi, openFile, palette, PROFILE_MS, reportAfter, smallProfiles } from "../support.ts";

// The first file by name: the first story must find a window in which nothing of ours has run yet.
describe("from the palette", () => {
  it("nothing runs before one of our commands does", async () => {
    const extension = vscode.extensions.getExtension(EXTENSION);
    assert.ok(extension);
    await openFile("retry-queue.ts");
    assert.equal(extension.isActive, false);
  });

  it("profiles the open document: panel, first sentence, highlights", async () => {
    await smallProfiles();
    const editor = await openFile("retry-queue.ts");
    const report = await reportAfter(() => palette("HySparse: Profile Document"));
    const api = await extensionApi();
    const { state, painted } = api.panel;
    assert.ok(state && painted);
    say(`activation ${api.activationMs.toFixed(1)} ms, panel open ${String(api.panel.openMs)} ms`);

    assert.equal(report.document.name, "retry-queue.ts");
    assert.equal(report.document.characters, editor.document.getText().length);
    assert.equal(state.source, "profile");
    assert.equal(state.document, "current");
    assert.match(painted.headline, /HySparse .*full attention/u);
    assert.ok(painted.sections.length >= 4, `sections: ${painted.sections.join(", ")}`);
    assert.ok(api.highlights.ranges(editor.document.uri.toString()) > 0, "no highlights");
    assert.equal(api.highlights.stale, false);
    assert.equal(api.lastError, undefined);
    assert.equal(api.runtime.state, "ready");
  }).timeout(2 * PROFILE_MS);

  it("leaves the keyboard in the document", async () => {
    const editor = vscode.window.activeTextEditor;
    assert.ok(editor);
    assert.ok(editor.document.fileName.endsWith("retry-queue.ts"));
    await vscode.commands.executeCommand("type", { text: "x" });
    assert.equal(editor.document.isDirty, true);
    await vscode.commands.executeCommand("undo");
    assert.equal(editor.document.isDirty, false);
  });
});
