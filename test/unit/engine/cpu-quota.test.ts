import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { it, type TestContext } from "node:test";
import { packageFile } from "../../../src/model/package-root.ts";
import { growthOf } from "../../../src/report/growth.ts";
import { readReport } from "../../../src/report/json.ts";
import { withCheckpoint } from "../../fixtures/model/checkpoint-folder.ts";
import { folder } from "../cli/command.ts";

const GIB = 2 ** 30;

interface Group {
  readonly path: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** The groups of a container with half a core and 2 GiB, as this system has them. */
function wanted(): Group[] {
  const name = `hysparse-test-${process.pid}`;
  const root = "/sys/fs/cgroup";
  if (existsSync(join(root, "cgroup.controllers"))) {
    return [{ path: join(root, name), settings: { "cpu.max": "50000 100000", "memory.max": String(2 * GIB) } }];
  }
  return [
    { path: join(root, "cpu", name), settings: { "cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000" } },
    { path: join(root, "memory", name), settings: { "memory.limit_in_bytes": String(2 * GIB) } },
  ];
}

/** Makes groups that are gone after the test, or says why none can be made. */
function make(context: TestContext, groups: readonly Group[]): string | undefined {
  try {
    for (const { path, settings } of groups) {
      mkdirSync(path);
      context.after(async () => {
        // A group that was just left is still busy.
        for (let tries = 0; tries < 20; tries++) {
          try {
            rmdirSync(path);
            return;
          } catch {
            await pause(100);
          }
        }
      });
      for (const [file, value] of Object.entries(settings)) writeFileSync(join(path, file), value, { flag: "r+" });
    }
    return undefined;
  } catch (error) {
    return `no control group can be made here: ${String(error)}`;
  }
}

it("a profile in a container of half a core and 2 GiB runs one thread and says so", { timeout: 240_000 }, async (t) => {
  const groups = wanted();
  const why = make(t, groups);
  if (why !== undefined) {
    t.skip(why);
    return;
  }
  await withCheckpoint({}, (model) => {
    const path = folder(t);
    const json = join(path, "report.json");
    const enter = groups.map((group) => `echo $$ > ${group.path}/cgroup.procs`).join(" && ");
    const args = ["--engine", "cpu", "--model", model, "--max-tokens", "60", "--repetitions", "1", "--decode", "0"];
    const command = [process.execPath, "--import", "tsx", "src/cli/main.ts", "media/samples/retry-queue.ts", ...args];
    const { status, stdout, stderr } = spawnSync(
      "sh",
      ["-c", `${enter} && exec "$@"`, "sh", ...command, "--json", json],
      {
        cwd: packageFile("."),
        encoding: "utf8",
      },
    );
    assert.equal(status, 0, stderr);
    const report = readReport(readFileSync(json, "utf8"), json);
    const { threads, container, memoryBytes } = report.environment;
    assert.deepEqual(
      { threads, container, memoryBytes },
      {
        threads: 1,
        container: { cpus: 0.5, memoryBytes: 2 * GIB },
        memoryBytes: 2 * GIB,
      },
    );
    const cores = os.availableParallelism();
    assert.ok(report.warnings.some((text) => text.startsWith(`This container's CPU quota is 0.5 of ${cores} core`)));
    assert.match(stdout, /1 thread \(CPU quota 0\.5 cores\), 2 GiB memory/);
    assert.match(growthOf(report).note, /2 GiB of container memory/);
    return Promise.resolve();
  });
});
