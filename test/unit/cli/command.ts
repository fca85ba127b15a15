import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";

const COMMAND = fileURLToPath(new URL("fixtures/command.ts", import.meta.url));
export const MAIN = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
// By address, because the command runs in a folder from which the name cannot be found.
const LOADER = import.meta.resolve("tsx");

/** The document that the tests profile. */
export const TEXT = "A line of the document to profile.\n".repeat(40);

/** Pretended runtimes: fixtures/<name>-runtime.ts. */
export type Pretended = "done" | "blocked" | "failing" | "partial";

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export type Process = ChildProcessByStdio<Writable, Readable, Readable>;

/** A folder for one test, gone after it. */
export function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "hysparse-cli-"));
  context.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Starts the command with a pretended runtime; with `undefined` the real main file. */
export function start(
  runtime: Pretended | undefined,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Process {
  const entry =
    runtime === undefined
      ? [MAIN]
      : [COMMAND, fileURLToPath(new URL(`fixtures/${runtime}-runtime.ts`, import.meta.url))];
  return spawn(process.execPath, ["--import", LOADER, ...entry, ...args], {
    cwd,
    env: { ...process.env, npm_lifecycle_event: "test", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
}

export async function finish(child: Process, input?: string | Buffer): Promise<Outcome> {
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

export function command(
  runtime: Pretended | undefined,
  args: readonly string[],
  cwd: string,
  input?: string,
): Promise<Outcome> {
  return finish(start(runtime, args, cwd), input);
}
