import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "mocha";
import * as vscode from "vscode";
import type { ExtensionApi } from "../../../../src/extension/api.ts";
import { reportSchema, type Report } from "../../../../src/protocol/report.ts";
import { compareReports } from "../../../../src/report/compare.ts";
import { assertStrictlyNested } from "../nesting.ts";
import {
  closeAll,
  extensionApi,
  openFile,
  painted,
  profile,
  PROFILE_MS,
  refusal,
  setting,
  smallProfiles,
  until,
  workspaceFile,
  workspacePath,
} from "../support.ts";

describe("reports as files", function () {
  this.timeout(2 * PROFILE_MS);
  let report: Report;
  let api: ExtensionApi;
  let headline: string;

  before(async () => {
    await smallProfiles();
    await setting("repetitions", 2);
    await openFile("retry-queue.ts");
    report = await profile();
    api = await extensionApi();
    headline = api.panel.painted?.headline ?? "";
    assert.notEqual(headline, "");
  });
  after(closeAll);

  it("JSON: the same report, without the text, with its hash", async () => {
    await api.exportTo("json", workspaceFile("a.hysparse.json"));
    const text = readFileSync(workspacePath("a.hysparse.json"), "utf8");
    assert.deepEqual(reportSchema.parse(JSON.parse(text)), report);
    assert.equal(text.includes("goes to the list of the dead"), false);
    assert.match(report.document.sha256, /^[0-9a-f]{64}$/u);
  });

  it("compared with itself: no difference measured", async () => {
    await api.compareWith(workspaceFile("a.hysparse.json"));
    await until("the comparison on the screen", () => api.panel.painted?.sections.includes("comparison"));
    assert.deepEqual(api.panel.state?.baseline?.report, report);
    assert.match(compareReports(report, api.panel.state.report!).headline, /^No significant difference/);
    await vscode.commands.executeCommand("hysparse.endCompare");
    await until("no baseline", () => api.panel.state?.baseline === undefined);
  });

  it("CSV: a line for each layer of each variant", async () => {
    await api.exportTo("csv", workspaceFile("a.csv"));
    const lines = readFileSync(workspacePath("a.csv"), "utf8").trimEnd().split(/\r?\n/u);
    const layers = report.model.schedule.length * Object.keys(report.variants).length;
    assert.ok(lines.length > layers, `${lines.length} lines for ${layers} layers`);
    const columns = lines[0]!.split(",").length;
    assert.ok(lines.every((line) => line.split(",").length >= columns));
  });

  it("HTML: one file that asks nobody for anything", async () => {
    await api.exportTo("html", workspaceFile("a.html"));
    const page = readFileSync(workspacePath("a.html"), "utf8");
    assert.match(page, /^<!doctype html>/iu);
    assert.doesNotMatch(page, /(?:src|href)\s*=\s*["']?https?:|@import|url\(\s*["']?https?:/iu);
    assert.match(page, /full attention/u);
  });

  it("trace: strictly nested spans", async () => {
    await api.exportTo("trace", workspaceFile("a.trace.json"));
    assertStrictlyNested(readFileSync(workspacePath("a.trace.json"), "utf8"));
  });

  it("a target that cannot be written is one clear message and leaves nothing", async () => {
    writeFileSync(workspacePath("taken"), "not a folder");
    const target = vscode.Uri.joinPath(workspaceFile("taken"), "a.hysparse.json");
    await assert.rejects(api.exportTo("json", target));
    assert.equal(existsSync(target.fsPath), false);
    assert.deepEqual(
      readdirSync(workspacePath("")).filter((name) => name.includes(".tmp")),
      [],
    );
  });

  it("reopened from the file: the same first sentence", async () => {
    await vscode.commands.executeCommand("vscode.open", workspaceFile("a.hysparse.json"));
    const input = await until("the tab of a report", () => {
      const { activeTab } = vscode.window.tabGroups.activeTabGroup;
      return activeTab?.input instanceof vscode.TabInputCustom && activeTab.input;
    });
    assert.equal(input.viewType, "hysparse.report");
    const state = await until("the report in its page", () => {
      const page = api.activePage;
      return page?.painted?.headline === headline && page.state;
    });
    assert.equal(state.source, "file");
    assert.deepEqual(state.report, report);
  });

  it("a file that is no report is one clear message", async () => {
    writeFileSync(workspacePath("broken.hysparse.json"), '{"schemaVersion": 1}');
    const message = await refusal(
      () => void vscode.commands.executeCommand("vscode.open", workspaceFile("broken.hysparse.json")),
    );
    assert.match(message, /broken\.hysparse\.json/u);
    await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
  });

  it("the sample profile needs no run", async () => {
    const pid = api.runtime.pid;
    await vscode.commands.executeCommand("hysparse.showSample");
    const state = await until("the sample", () => api.panel.state?.source === "sample" && api.panel.state);
    assert.ok(state.report && state.report.document.tokens > 1000);
    await painted(state.report);
    assert.equal(api.runtime.pid, pid);
  });
});
