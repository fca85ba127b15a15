import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { after, before, describe, it } from "mocha";
import * as vscode from "vscode";
import { Random } from "../../../../src/model/random.ts";
import { reportSchema } from "../../../../src/protocol/report.ts";
import { say } from "../../suite/events.ts";
import { alive, MARK_VARIABLE, runtimeProcesses } from "../processes.ts";
import {
  closeAll,
  extensionApi,
  idle,
  openFile,
  pause,
  profile,
  PROFILE_MS,
  setting,
  tinyProfiles,
  until,
  workspaceFile,
  workspacePath,
} from "../support.ts";

// Seven in every run, at other moments each time.
const KILLS = 7;
/** HYSPARSE_TEST_SEED repeats a run. */
const SEED = Number(process.env["HYSPARSE_TEST_SEED"] ?? Date.now() % 2 ** 31);

describe("kill -9 of the runtime", function () {
  this.timeout(KILLS * PROFILE_MS);
  before(async () => {
    await tinyProfiles();
    await setting("variants", ["hysparse"]);
  });
  after(closeAll);

  it(`${KILLS} times at random moments: editor usable, no orphan, next profile works, exports whole`, async () => {
    say(`seed ${SEED} (HYSPARSE_TEST_SEED repeats it)`);
    const random = new Random(SEED);
    const chance = (): number => random.uint32() / 2 ** 32;
    const editor = await openFile("short.txt");
    const begun = Date.now();
    await profile();
    const typical = Date.now() - begun;
    const api = await extensionApi();
    const phases: string[] = [];
    const mark = process.env[MARK_VARIABLE] ?? "";
    assert.deepEqual(
      runtimeProcesses(mark),
      [api.runtime.pid],
      "the runtime is not found where orphans are looked for",
    );

    for (let round = 0; round < KILLS; round++) {
      const target = workspaceFile(`killed-${round}.hysparse.json`);
      const exported = api.exportTo("json", target).then(
        () => true,
        () => false,
      );
      const known = new Set(runtimeProcesses(mark));
      void vscode.commands.executeCommand("hysparse.profileDocument");
      await until("a job", () => api.panel.state?.job !== undefined);
      await pause(chance() * typical);
      for (const pid of runtimeProcesses(mark)) known.add(pid);
      const pid = api.runtime.pid;
      const { job } = api.panel.state ?? {};
      const phase = job === undefined ? "idle" : job.progress.kind === "phase" ? job.progress.text : job.progress.phase;
      phases.push(phase);
      if (pid !== undefined) process.kill(pid, "SIGKILL");
      await idle();

      // The editor takes text at once.
      assert.equal(await editor.edit((edit) => edit.insert(new vscode.Position(0, 0), "y")), true);
      await vscode.commands.executeCommand("undo");
      // Also of those that it started between the look above and its end.
      const left = (): number[] => [...new Set([...known, ...runtimeProcesses(mark)])].filter(alive);
      await until("the end of every process of that runtime", () => left().length === 0, 5000);
      if (await exported) reportSchema.parse(JSON.parse(readFileSync(target.fsPath, "utf8")));
      await profile();
      say(`kill ${round + 1} of ${KILLS}: ${phase}; the next profile worked`);
    }

    const left = readdirSync(workspacePath("")).filter((name) => name.startsWith("killed-"));
    for (const name of left) {
      reportSchema.parse(JSON.parse(readFileSync(workspacePath(name), "utf8")));
      rmSync(workspacePath(name));
    }
    say(`killed during: ${[...new Set(phases)].join(", ")}; ${left.length} exports, all whole`);
  });
});
