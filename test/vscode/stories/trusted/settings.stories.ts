import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, afterEach, before, describe, it } from "mocha";
import * as vscode from "vscode";
import { alive } from "../processes.ts";
import {
  closeAll,
  extensionApi,
  openFile,
  profile,
  PROFILE_MS,
  refusal,
  setting,
  smallProfiles,
  tinyProfiles,
  until,
  workspaceFile,
  workspacePath,
} from "../support.ts";

describe("settings", function () {
  this.timeout(2 * PROFILE_MS);
  before(smallProfiles);
  afterEach(async () => {
    for (const key of ["highlights", "includeText", "importance", "maxTokens", "runtime.idleMinutes"]) {
      await setting(key, undefined);
    }
    await smallProfiles();
  });
  after(closeAll);

  it("reach the report", async () => {
    await setting("repetitions", 2);
    await setting("variants", ["hysparse", "hybrid-swa"]);
    await setting("importance", "last-token");
    await setting("maxTokens", 200);
    await openFile("retry-queue.ts");
    const { settings, document, variants, importance, environment } = await profile();
    assert.equal(settings.repetitions, 2);
    assert.equal(settings.decodeTokens, 2);
    assert.deepEqual(Object.keys(variants).sort(), ["hybrid-swa", "hysparse"]);
    assert.equal(importance?.queries, "last-token");
    assert.equal(environment.engine, "cpu");
    assert.equal(document.tokens, 200);
    assert.equal(document.truncated, true);
  });

  it("without highlights there are none, and the text is in an export when asked for", async () => {
    await setting("highlights", false);
    await setting("includeText", true);
    const editor = await openFile("short.txt");
    await profile();
    const api = await extensionApi();
    assert.equal(api.highlights.ranges(editor.document.uri.toString()), 0);
    await api.exportTo("json", workspaceFile("text.hysparse.json"));
    const text = readFileSync(workspacePath("text.hysparse.json"), "utf8");
    assert.ok(text.includes(JSON.stringify(editor.document.getText())));
    await setting("highlights", undefined);
    await until("highlights", () => api.highlights.ranges(editor.document.uri.toString()) > 0);
  });

  it("a checkpoint folder of a trusted workspace is loaded", async () => {
    const configuration = vscode.workspace.getConfiguration("hysparse");
    await configuration.update("model", "tiny-checkpoint", vscode.ConfigurationTarget.Workspace);
    try {
      await openFile("short.txt");
      const report = await profile();
      assert.equal(report.model.name, "tiny");
    } finally {
      await configuration.update("model", undefined, vscode.ConfigurationTarget.Workspace);
    }
  });

  it("a checkpoint folder that is not there is named in one message, and the next profile works", async () => {
    await setting("model", "no-such-checkpoint");
    await openFile("short.txt");
    const message = await refusal(() => void vscode.commands.executeCommand("hysparse.profileDocument"), PROFILE_MS);
    assert.match(message, /no-such-checkpoint/u);
    await setting("model", undefined);
    await profile();
  });

  it("the runtime ends after its idle time, and starts again", async () => {
    await setting("runtime.idleMinutes", 0.1);
    await tinyProfiles();
    await openFile("short.txt");
    await profile();
    const api = await extensionApi();
    const { pid } = api.runtime;
    assert.ok(pid !== undefined && alive(pid));
    await until("a stopped runtime", () => api.runtime.state === "stopped" && !alive(pid), 30_000);
    await profile();
    assert.notEqual(api.runtime.pid, pid);
  });
});
