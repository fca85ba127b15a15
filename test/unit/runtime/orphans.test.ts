import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { describe, it, type TestContext } from "node:test";
import { packageFile, processModule } from "../../../src/model/package-root.ts";
import type { ProfileParams } from "../../../src/protocol/jobs.ts";
import { FAKE, isRunning, job, until } from "./fakes.ts";

interface Owned {
  readonly owner: ChildProcess;
  readonly heard: () => string;
}

/** A process that owns a runtime with a job. Whatever is left of both is ended with the test. */
function owner(context: TestContext, module: string, params: ProfileParams): Owned {
  const script = packageFile("test/unit/runtime/fixtures/owner.ts");
  const child = spawn(
    process.execPath,
    ["--import", import.meta.resolve("tsx"), script, module, JSON.stringify(params)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (more: string) => (text += more));
  context.after(() => {
    child.kill("SIGKILL");
    const runtime = Number(/runtime (\d+)/.exec(text)?.[1]);
    if (runtime > 0 && isRunning(runtime)) process.kill(-runtime, "SIGKILL");
  });
  return { owner: child, heard: () => text };
}

/** The members of a process group that still run. */
function members(group: number): string[] {
  return execFileSync("ps", ["-e", "-o", "pid=,pgid=,stat="], { encoding: "utf8" })
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, pgid, state]) => Number(pgid) === group && state?.startsWith("Z") === false)
    .map(([pid = ""]) => pid);
}

const runtimeOf = ({ heard }: Owned): number => Number(/runtime (\d+)/.exec(heard())![1]);

describe("an owner that is killed leaves nobody behind", { skip: process.platform === "win32" }, () => {
  for (const behaviour of ["deaf", "blocked"]) {
    it(`when its runtime is ${behaviour}`, async (t) => {
      const owned = owner(t, FAKE, job(behaviour));
      await until(() => /child \d+/.test(owned.heard()), "the runtime has a child", 20_000);
      const group = runtimeOf(owned);
      assert.equal(members(group).length, 2);
      owned.owner.kill("SIGKILL");
      await until(() => members(group).length === 0, "runtime and child end", 3000);
    });
  }

  it("when the real runtime measures peak memory in a child of its own", async (t) => {
    const params = job("embedded");
    const text = "A line of the document to profile.\n".repeat(40);
    const settings = { ...params.settings, document: { name: "a.md", text }, maxTokens: 128 };
    const owned = owner(t, processModule("src/runtime/server.ts"), { ...params, settings });
    await until(() => owned.heard().includes("peak memory"), "the child is started", 60_000);
    const group = runtimeOf(owned);
    await until(() => members(group).length >= 2, "the child runs");
    owned.owner.kill("SIGKILL");
    await until(() => members(group).length === 0, "runtime and child end", 3000);
  });
});
