import assert from "node:assert/strict";
import { afterEach, before, describe, it } from "mocha";
import * as vscode from "vscode";
import { alive } from "../processes.ts";
import {
  beginProfile,
  closeAll,
  extensionApi,
  idle,
  openFile,
  palette,
  profile,
  PROFILE_MS,
  setting,
  smallProfiles,
  tinyProfiles,
  until,
} from "../support.ts";

describe("interruptions", function () {
  this.timeout(3 * PROFILE_MS);
  before(smallProfiles);
  afterEach(closeAll);

  it("stop ends a run and keeps what it measured, which says that it is partial", async () => {
    await openFile("retry-queue.ts");
    const first = await profile();
    await setting("repetitions", 50);
    const api = await beginProfile();
    const pid = api.runtime.pid;
    await until(
      "a round",
      () => Object.keys(api.panel.state?.report?.partial ? api.panel.state.report.variants : {}).length > 0,
    );
    const started = Date.now();
    await palette("HySparse: Stop");
    await idle();
    const took = Date.now() - started;
    await setting("repetitions", 1);
    assert.ok(took < 5000, `stopping took ${took} ms`);
    const kept = api.panel.state?.report;
    assert.equal(kept?.partial?.state, "stopped");
    assert.ok(kept.importance, "highlights are of what was kept");
    assert.notEqual(kept.createdAt, first.createdAt);
    assert.equal(api.runtime.pid, pid, "the runtime was thrown away by a stop");
    const second = await profile();
    assert.equal(second.partial, undefined);
  });

  it("a second profile while one runs is refused or waits, and never mixes", async () => {
    await openFile("retry-queue.ts");
    await setting("repetitions", 50);
    const api = await beginProfile();
    const job = api.panel.state?.job?.title;
    // The command is greyed out while busy; by its name it can still be called.
    await Promise.race([vscode.commands.executeCommand("hysparse.profileDocument"), until("a while", waited(500))]);
    assert.equal(api.panel.state?.job?.title, job);
    await vscode.commands.executeCommand("hysparse.stop");
    await idle();
    await setting("repetitions", 1);
  });

  it("a crash of the runtime in the middle is one message, and the next profile works", async () => {
    await tinyProfiles();
    await openFile("retry-queue.ts");
    const before = (await extensionApi()).lastError;
    await setting("repetitions", 50);
    const api = await beginProfile();
    const pid = api.runtime.pid;
    assert.ok(pid !== undefined);
    process.kill(pid, "SIGKILL");
    const message = await until("a message", () => api.lastError !== before && api.lastError);
    assert.match(message, /ended|died|crash|kill/iu);
    assert.equal(api.runtime.state, "failed");
    assert.equal(api.panel.state?.job, undefined);
    await until("the end of the process", () => !alive(pid));

    await setting("repetitions", 1);
    const report = await profile();
    assert.equal(report.document.name, "retry-queue.ts");
    assert.notEqual(api.runtime.pid, pid);
    assert.equal(api.runtime.state, "ready");
  });

  it("a runtime that dies while idle is no message, and the next profile works", async () => {
    await tinyProfiles();
    await openFile("retry-queue.ts");
    await profile();
    const api = await extensionApi();
    const before = api.lastError;
    const pid = api.runtime.pid;
    assert.ok(pid !== undefined);
    process.kill(pid, "SIGKILL");
    await until("the end of the process", () => !alive(pid) && api.runtime.state !== "ready");
    assert.equal(api.lastError, before);
    await profile();
    assert.notEqual(api.runtime.pid, pid);
  });
});

/** True once so much time has passed. */
function waited(ms: number): () => boolean {
  const start = Date.now();
  return () => Date.now() - start >= ms;
}
