import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

/**
 * Runs every file under test/ that ends in .test.ts, or only those whose path contains one of the arguments. Files are found, never listed
 * by hand. A process of its own for the runner, so that its report and closing lines reach stdout as they are.
 */
const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const wanted = process.argv.slice(2);

const files = readdirSync(here, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join("test", name))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort();

if (files.length === 0) {
  console.error(`no test file${wanted.length === 0 ? "" : ` matches ${wanted.join(", ")}`} under ${here}`);
  process.exit(1);
}

// One file at a time: several tests measure time, and engines use every core.
const runner = ["--import", "tsx", "--test", "--test-reporter=spec", "--test-concurrency=1"];
const colour = process.stdout.isTTY ? { FORCE_COLOR: "1" } : {};
const child = spawn(process.execPath, [...runner, ...files], {
  cwd: root,
  stdio: ["ignore", "pipe", "inherit"],
  env: { ...process.env, ...colour },
});

let tail = "";
child.stdout.setEncoding("utf8").on("data", (text: string) => {
  process.stdout.write(text);
  tail = (tail + text).slice(-20_000);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
child.on("close", (code) => {
  // A run that executed nothing must not look like one that passed.
  const executed = Number(/^\S tests (\d+)$/mu.exec(stripVTControlCharacters(tail))?.[1] ?? 0);
  if (code === 0 && executed === 0) console.error("no test was executed");
  process.exitCode = executed === 0 ? 1 : (code ?? 1);
});
