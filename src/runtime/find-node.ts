import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";

/** The oldest Node.js that the runtime runs under, as in package.json's `engines`. */
const OLDEST = [20, 19] as const;

const PATIENCE_MS = 5000;

/**
 * The first Node.js on the PATH that is new enough, or undefined. Only absolute folders count: a relative one would mean
 * something else in every workspace.
 */
export async function findNode(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const name = process.platform === "win32" ? "node.exe" : "node";
  const folders = (env["PATH"] ?? env["Path"] ?? "").split(delimiter).filter(isAbsolute);
  for (const file of new Set(folders.map((folder) => join(folder, name)))) {
    if (isExecutable(file) && isNewEnough(await versionOf(file, env))) return file;
  }
  return undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function versionOf(file: string, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve) => {
    // A failure leaves stdout empty, and that is no version.
    execFile(file, ["--version"], { timeout: PATIENCE_MS, env, windowsHide: true }, (_, stdout) => resolve(stdout));
  });
}

function isNewEnough(text: string): boolean {
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(text) ?? [];
  if (major === undefined || minor === undefined) return false;
  return Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]);
}
