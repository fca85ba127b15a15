import assert from "node:assert/strict";
import { readFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { buildSync } from "esbuild";
import { packageFile } from "../../../src/model/package-root.ts";
import type { ProfileParams, Progress } from "../../../src/protocol/jobs.ts";
import { RuntimeClient, type RuntimeClientOptions } from "../../../src/runtime/client.ts";
import { sampleReport } from "../report/sample-report.ts";

const FOLDER = mkdtempSync(join(tmpdir(), "hysparse-runtime-"));
process.on("exit", () => rmSync(FOLDER, { recursive: true, force: true }));

/** The pretended runtime as one JavaScript file: many are started, and a loader would cost each most of a second. */
export const FAKE = join(FOLDER, "fake.cjs");
buildSync({
  entryPoints: [packageFile("test/unit/runtime/fixtures/fake.ts")],
  outfile: FAKE,
  bundle: true,
  platform: "node",
  format: "cjs",
});

const REPORT = join(FOLDER, "report.json");
writeFileSync(REPORT, JSON.stringify(sampleReport({ tokens: 700 })));

export interface Watched {
  readonly client: RuntimeClient;
  readonly states: string[];
  readonly lines: string[];
}

/** A client of a pretended runtime that is ended with the test. */
export function fakeClient(context: TestContext, start = "good", options: Partial<RuntimeClientOptions> = {}): Watched {
  const states: string[] = [];
  const lines: string[] = [];
  const client = new RuntimeClient({
    module: FAKE,
    execArgv: [],
    log: (line) => lines.push(line),
    ...options,
    env: { FAKE: start, REPORT, ...options.env },
  });
  client.onState((state) => states.push(state));
  context.after(() => client.dispose());
  return { client, states, lines };
}

/** A job whose `model` names the pretended runtime's behaviour. */
export function job(behaviour: string): ProfileParams {
  return {
    engine: "cpu",
    model: behaviour,
    folder: "/",
    selectionTable: true,
    settings: {
      document: { name: "a.md", text: "text" },
      variants: ["full"],
      decodeTokens: 0,
      repetitions: 1,
      warmup: 0,
      importance: "document",
      includeText: false,
    },
  };
}

export interface Running {
  readonly result: Promise<unknown>;
  readonly stop: AbortController;
  readonly said: Progress[];
}

export function start(client: RuntimeClient, behaviour: string): Running {
  const stop = new AbortController();
  const said: Progress[] = [];
  const result = client.profile(job(behaviour), (progress) => said.push(progress), stop.signal);
  // Every test looks at the result, some only later.
  result.catch(() => undefined);
  return { result, stop, said };
}

export async function until(condition: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    assert.ok(performance.now() < end, `${what}, within ${ms} ms`);
    await pause(10);
  }
}

/** The id of the child that a pretended runtime has, once it is told. */
export async function childOf({ said }: Running): Promise<number> {
  const phases = (): string[] => said.map((progress) => (progress.kind === "phase" ? progress.text : ""));
  await until(() => phases().some((text) => text.startsWith("child ")), "the runtime tells its child");
  return Number(/child (\d+)/.exec(phases().join("\n"))![1]);
}

/** Whether a process exists and is not merely waiting to be collected. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== "linux") return true;
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
