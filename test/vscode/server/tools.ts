import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";

/**
 * The programs that a real VS Code in a browser needs: VS Code's server build (npm's code-server carries it), the
 * Node.js it is made for, and Chromium. The first two live in a cache folder, 700 MB that no dependency should bring.
 */
export const CODE_SERVER_VERSION = "4.139.1";
const NODE_MAJOR = 24;

export interface Tools {
  /** Node.js 24. */
  readonly node: string;
  /** VS Code's server build, started with `node`. */
  readonly serverMain: string;
  readonly chromium: string;
}

/** Where the tools are kept: `$HYSPARSE_TEST_CACHE`, else the user's cache folder. */
export function cacheFolder(): string {
  return (
    process.env["HYSPARSE_TEST_CACHE"] ??
    join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "hysparse-profiler")
  );
}

const nodePackage = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
const nodeFolder = (): string => join(cacheFolder(), `node-${NODE_MAJOR}`);
const codeServerFolder = (): string => join(cacheFolder(), `code-server-${CODE_SERVER_VERSION}`);

/** Each tool may be named by a variable instead: a Node.js executable, the package's folder, a Chromium executable. */
function places(): { node: string; serverMain: string } {
  const bin = join(nodeFolder(), "node_modules", nodePackage, "bin");
  const codeServer =
    process.env["HYSPARSE_TEST_CODE_SERVER"] ?? join(codeServerFolder(), "node_modules", "code-server");
  return {
    node: process.env["HYSPARSE_TEST_NODE24"] ?? join(bin, process.platform === "win32" ? "node.exe" : "node"),
    serverMain: join(codeServer, "lib", "vscode", "out", "server-main.js"),
  };
}

function findChromium(): string | undefined {
  const named = process.env["HYSPARSE_TEST_CHROMIUM"];
  if (named !== undefined) return existsSync(named) ? named : undefined;
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/** The tools, or what is missing and how to get it, in one line for people. */
export function findTools(): Tools | { readonly missing: string } {
  const { node, serverMain } = places();
  const chromium = findChromium();
  const missing = [
    ...(existsSync(node) ? [] : [`Node.js ${NODE_MAJOR} (${node})`]),
    ...(existsSync(serverMain) ? [] : [`code-server ${CODE_SERVER_VERSION} (${serverMain})`]),
    ...(chromium === undefined ? ["Chromium (PATH or HYSPARSE_TEST_CHROMIUM)"] : []),
  ];
  if (missing.length > 0 || chromium === undefined) {
    return { missing: `${missing.join(", ")}: not found; "npm run test:vscode" installs all but Chromium` };
  }
  return { node, serverMain, chromium };
}

/**
 * Installs Node.js and code-server into the cache folder where they are missing: minutes, and a network.
 * @throws Error with the end of npm's output
 */
export async function installTools(say: (line: string) => void): Promise<void> {
  const { node, serverMain } = places();
  if (!existsSync(node)) {
    say(`installing Node.js ${NODE_MAJOR} into ${nodeFolder()}`);
    await installPackage(nodeFolder(), `${nodePackage}@${NODE_MAJOR}`, {});
  }
  if (!existsSync(serverMain)) {
    say(`installing code-server ${CODE_SERVER_VERSION} into ${codeServerFolder()} (about two minutes)`);
    // Its native modules are compiled for the Node.js that is first on PATH.
    await installPackage(codeServerFolder(), `code-server@${CODE_SERVER_VERSION}`, {
      npm_config_unsafe_perm: "true",
      // It is made by install scripts, its own and those of the packages that these install. npm 12 runs none unasked.
      npm_config_ignore_scripts: "false",
      npm_config_dangerously_allow_all_scripts: "true",
      PATH: `${dirname(node)}${delimiter}${process.env["PATH"] ?? ""}`,
    });
  }
  if (!existsSync(node) || !existsSync(serverMain))
    throw new Error(`npm ended well, but ${node} or ${serverMain} is not there`);
}

/** Installs beside the folder and renames, so that an interrupted install never counts as one. */
async function installPackage(folder: string, name: string, env: Record<string, string>): Promise<void> {
  const partial = `${folder}.partial-${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, "package.json"), JSON.stringify({ private: true }));
  try {
    await npmInstall(partial, name, env);
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

async function npmInstall(folder: string, name: string, env: Record<string, string>): Promise<void> {
  const npm = spawn("npm", ["install", "--no-audit", "--no-fund", name], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
  let printed = "";
  for (const stream of [npm.stdout, npm.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed = (printed + text).slice(-8000);
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => npm.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`npm install ${name} failed:\n${printed}`);
}

/** The version that `node` prints, so that a wrong executable is named before the server fails on it. */
export function nodeVersion(node: string): string {
  return spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
}
