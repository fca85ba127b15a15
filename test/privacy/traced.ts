import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { packageRoot } from "../../src/model/package-root.ts";
import { foreignCalls } from "./foreign-calls.ts";

/** Why processes cannot be watched here, or undefined. */
export function whyNotTraced(): string | undefined {
  if (process.platform !== "linux") return "strace watches processes on Linux alone";
  const { error, status, stderr } = spawnSync("strace", ["-f", "-o", "/dev/null", "true"], { encoding: "utf8" });
  if (error !== undefined) return "strace is not installed (.ci/run installs it)";
  return status === 0 ? undefined : `strace may not watch processes here: ${stderr.trim()}`;
}

/** Everything that asks for the network or changes a file. */
const CALLS =
  "%network,open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mknod,mknodat," +
  "unlink,unlinkat,rmdir,truncate,chmod,fchmodat,chown,fchownat,io_uring_setup";

export interface Traced {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** Calls that reach beyond the folders below, as strace writes them. */
  readonly foreign: readonly string[];
  /** What is left in the fresh home and in the fresh folder for temporary files, by path in it. */
  readonly home: readonly string[];
  readonly temporary: readonly string[];
}

/**
 * Runs Node.js with `args` as a user who has an empty home and an empty folder for temporary files, and watches it and all
 * processes that it starts.
 *
 * @param outputs the one folder in which it may change files, besides that for temporary files
 * @param env changes to the environment
 */
export async function traced(
  context: TestContext,
  args: readonly string[],
  outputs: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Traced> {
  const work = mkdtempSync(join(tmpdir(), "hysparse-traced-"));
  context.after(() => rmSync(work, { recursive: true, force: true }));
  const [home, temporary, logs] = ["home", "temporary", "logs"].map((name) => join(work, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [home, temporary, logs]) mkdirSync(folder);
  // One log per thread, so that no call is torn in two; descriptors with their paths.
  const strace = ["-ff", "-y", "-qq", "-s", "4096", "--seccomp-bpf", "-e", `trace=${CALLS}`, "-o", join(logs, "of")];
  const child = spawn("strace", [...strace, process.execPath, ...args], {
    cwd: packageRoot(),
    env: { ...freshEnvironment(), HOME: home, TMPDIR: temporary, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  const [code] = (await once(child, "close")) as [number | null];
  const lines = readdirSync(logs).flatMap((log) => readFileSync(join(logs, log), "utf8").split("\n"));
  if (!lines.some((line) => line.startsWith("open"))) throw new Error(`strace saw nothing:\n${err}`);
  return {
    code,
    out,
    err,
    foreign: foreignCalls(lines, { cwd: packageRoot(), mine: [resolve(outputs), temporary] }),
    home: readdirSync(home, { recursive: true, encoding: "utf8" }),
    temporary: readdirSync(temporary, { recursive: true, encoding: "utf8" }),
  };
}

/** Nothing that points at the real home or at caches, and not the variable whose absence is to be noticed. */
function freshEnvironment(): NodeJS.ProcessEnv {
  const kept = ["PATH", "LANG", "VK_ICD_FILENAMES", "VK_DRIVER_FILES", "LD_LIBRARY_PATH"];
  return Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}
