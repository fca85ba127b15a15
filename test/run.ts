import { readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { run } from "node:test";
import { spec, type TestEvent } from "node:test/reporters";
import { fileURLToPath } from "node:url";
import { ALONE } from "./alone.ts";

/**
 * Runs every file under test/ that ends in .test.ts, or only those whose path contains one of the arguments. Files are found,
 * never listed by hand; each is a process of its own, and what it says is printed in one piece.
 */
const here = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
const SLOWEST = 10;

const all = readdirSync(here, { recursive: true, encoding: "utf8" })
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".test.ts"))
  .sort();
const files = all.filter((name) => wanted.length === 0 || wanted.some((part) => `test/${name}`.includes(part)));

if (files.length === 0) {
  console.error(`no test file${wanted.length === 0 ? "" : ` matches ${wanted.join(", ")}`} under ${here}`);
  process.exit(1);
}
const stale = Object.keys(ALONE).filter((start) => !all.some((name) => name.startsWith(start)));
if (stale.length > 0) {
  console.error(`test/alone.ts names what is no test file: ${stale.join(", ")}`);
  process.exit(1);
}

const alone = files.filter((name) => Object.keys(ALONE).some((start) => name.startsWith(start)));
const beside = files.filter((name) => !alone.includes(name));

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

/** Closing lines of the runner are figures of one call of it: name and sum over all calls. */
const closing = new Map<string, number>();
/** Seconds by file. */
const took = new Map<string, number>();
let failures = 0;

/** What the runner tells of these files, so many at a time, less its closing lines. */
async function* tested(names: readonly string[], lanes: number): AsyncGenerator<TestEvent> {
  if (names.length === 0) return;
  const paths = names.map((name) => join(here, name));
  const events = run({ files: paths, concurrency: lanes, signal: stop.signal }) as AsyncIterable<TestEvent>;
  for await (const event of events) {
    const { type, data } = event;
    if (type === "test:fail" && (data.todo ?? false) === false) failures++;
    if (type === "test:complete" && paths.includes(data.name)) took.set(data.name, data.details.duration_ms / 1000);
    const figure =
      type === "test:diagnostic" && data.file === undefined ? /^(\w+) ([\d.]+)$/u.exec(data.message) : null;
    if (figure === null) yield event;
    else closing.set(figure[1]!, (closing.get(figure[1]!) ?? 0) + Number(figure[2]));
  }
}

function line(message: string): TestEvent {
  return { type: "test:diagnostic", data: { nesting: 0, message } };
}

async function* report(): AsyncGenerator<TestEvent> {
  yield* tested(beside, 2);
  yield* tested(alone, 1);
  const slowest = [...took].sort(([, a], [, b]) => b - a).slice(0, SLOWEST);
  for (const [path, seconds] of slowest) yield line(`${seconds.toFixed(0).padStart(5)} s in ${relative(here, path)}`);
  for (const [name, sum] of closing) yield line(`${name} ${sum}`);
}

await pipeline(Readable.from(report()), new spec(), process.stdout, { end: false });
// A run that executed nothing must not look like one that passed.
const executed = closing.get("tests") ?? 0;
if (executed === 0) console.error("no test was executed");
process.exitCode = failures > 0 || executed === 0 ? 1 : 0;
