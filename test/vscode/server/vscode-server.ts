import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MARK_VARIABLE } from "../stories/processes.ts";
import { QUIET_SETTINGS } from "./quiet-settings.ts";
import type { Tools } from "./tools.ts";

const START_MS = 60_000;

export interface ServerOptions {
  /** Ask before a folder's settings are believed, as VS Code does; else every folder is trusted. */
  readonly trustAsked?: boolean;
  /** User settings besides the quiet ones. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** What the extension host finds in its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Fresh unless named. */
  readonly extensions?: string;
}

export interface VsCodeServer {
  readonly url: string;
  readonly authority: string;
  /** Holds the server's data; removed by `stop`. Also the mark of whatever runs in it (processes.ts). */
  readonly home: string;
  readonly extensions: string;
  readonly pid: number;
  /** The end of what the server printed and of the extension host's logs. */
  logs(): string;
  /** Ends the server and everything it started. */
  stop(): Promise<void>;
}

// A signal ends this process in the usual way, so that whatever waits for its exit is called.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.once(signal, () => process.exit(code));
}

/** Arguments that every start of the server build takes; its own folders, nothing of the user's. */
export function serverArguments(home: string, extensions: string): string[] {
  return [
    "--accept-server-license-terms",
    "--user-data-dir",
    join(home, "user-data"),
    "--server-data-dir",
    join(home, "server-data"),
    "--extensions-dir",
    extensions,
    "--telemetry-level",
    "off",
  ];
}

/**
 * Starts VS Code's server build on a free port with fresh folders.
 * @throws Error with what it printed, when it does not listen within a minute
 */
export async function startServer(tools: Tools, options: ServerOptions = {}): Promise<VsCodeServer> {
  const home = mkdtempSync(join(tmpdir(), "hysparse-vscode-"));
  const extensions = options.extensions ?? join(home, "extensions");
  const user = join(home, "user-data", "User");
  for (const folder of [extensions, user]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(user, "settings.json"), JSON.stringify({ ...QUIET_SETTINGS, ...options.settings }));

  const port = await freePort();
  const child = spawn(
    tools.node,
    [
      tools.serverMain,
      ...serverArguments(home, extensions),
      "--host",
      "127.0.0.1",
      "--port",
      String(port),
      "--without-connection-token",
      // Without it the development paths of the page's address are ignored.
      "--enable-smoke-test-driver",
      ...(options.trustAsked === true ? [] : ["--disable-workspace-trust"]),
    ],
    // A group of its own: whatever it starts ends with it.
    {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, [MARK_VARIABLE]: home, ...options.env },
    },
  );
  // Should this process end before its time, nothing may stay behind.
  const abandon = (): void => {
    killGroup(child);
    rmSync(home, { recursive: true, force: true });
  };
  process.once("exit", abandon);
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed = (printed + text).slice(-20_000);
    });
  }
  const stop = async (): Promise<void> => {
    process.off("exit", abandon);
    await endGroup(child);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await listening(child, () => printed);
  } catch (error) {
    await stop();
    throw error;
  }
  const authority = `127.0.0.1:${port}`;
  return {
    url: `http://${authority}/`,
    authority,
    home,
    extensions,
    pid: child.pid!,
    logs: () => `--- the server printed\n${printed.slice(-4000)}\n${extensionHostLogs(home)}`,
    stop,
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

async function listening(child: ChildProcess, printed: () => string): Promise<void> {
  const started = Date.now();
  while (!printed().includes("Extension host agent listening on")) {
    if (child.exitCode !== null) throw new Error(`VS Code's server ended with ${child.exitCode}:\n${printed()}`);
    if (Date.now() - started > START_MS)
      throw new Error(`VS Code's server did not listen in ${START_MS} ms:\n${printed()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function endGroup(child: ChildProcess): Promise<void> {
  const closed = new Promise((resolve) => child.once("close", resolve));
  killGroup(child);
  if (child.exitCode === null && child.signalCode === null) await closed;
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, "SIGKILL");
  } catch {
    // The group is gone already.
  }
}

function extensionHostLogs(home: string): string {
  const logs = join(home, "server-data", "data", "logs");
  try {
    return readdirSync(logs, { recursive: true, encoding: "utf8" })
      .filter((name) => /exthost.*\.log$|HySparse.*\.log$/u.test(name))
      .map((name) => `--- ${name}\n${readFileSync(join(logs, name), "utf8").slice(-3000)}`)
      .join("\n");
  } catch {
    return "(no logs of an extension host)";
  }
}
