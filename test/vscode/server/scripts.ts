import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { ROOT } from "./run-suite.ts";

/**
 * Runs one of the package's scripts with this Node.js.
 * @throws Error with what it printed
 */
export async function runScript(script: string, ...args: string[]): Promise<string> {
  const child = spawn(process.execPath, ["--import", "tsx", script, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${printed}`);
  return printed;
}

/** Makes dist/, what VS Code loads. */
export async function buildExtension(): Promise<void> {
  await runScript("src/build/build.ts");
}

/** Makes the package for this platform, and says where it is. */
export async function packageExtension(): Promise<string> {
  const printed = await runScript("src/build/package.ts");
  const file = printed.trimEnd().split("\n").at(-1) ?? "";
  if (!file.endsWith(".vsix") || !existsSync(file)) throw new Error(`no package was named:\n${printed}`);
  return file;
}
