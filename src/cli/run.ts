import { commit } from "../files/commit.ts";
import { isPlainFile } from "../files/output.ts";
import { pour } from "../files/pour.ts";
import { messageOf, UserError } from "../model/errors.ts";
import { processModule } from "../model/package-root.ts";
import type { Report } from "../protocol/report.ts";
import type { Progress as Said, SoFar } from "../protocol/jobs.ts";
import { partialNote, keptReport } from "../report/partial.ts";
import type { RuntimeClient } from "../runtime/client.ts";
import { Cancelled, RuntimeFault } from "../runtime/runtime.ts";
import { deviceList } from "./devices.ts";
import { readDocument, type Document } from "./input.ts";
import { Answered, parseOptions, type Options } from "./options.ts";
import { checkTargets, type Target } from "./outputs.ts";
import { print, say, sayLines } from "./print.ts";
import { createProgress, type Progress } from "./progress.ts";
import { onStop, type Stop } from "./stop.ts";
import { guardStreams, orAborted, type Streams } from "./streams.ts";

export const EXIT = { done: 0, fault: 1, mistake: 2, partial: 3, stopped: 130 } as const;

/** Runs of every variant that are made and not counted: the first one pays for memory and caches. */
const WARMUP = 1;

/** What is kept of a stopped run is written whatever was asked to stop: a second Ctrl-C ends the process itself. */
const NEVER = new AbortController().signal;

/** The module of the process that does the work; tests put their own here. */
const RUNTIME = processModule("src/runtime/server.ts");

/** What a run is given besides its arguments, and what it leaves. */
interface Run {
  readonly stop: Stop;
  readonly streams: Streams;
  /** Files that are there, as named. */
  readonly wrote: string[];
}

/** The whole command, from arguments to exit code. Errors end here, each as one line on stderr. */
export async function run(args: readonly string[], module: URL | string = RUNTIME): Promise<number> {
  const stop = onStop(() => new Cancelled(), EXIT.stopped);
  const streams = guardStreams();
  const wrote: string[] = [];
  try {
    return await command(args, module, { stop, streams, wrote });
  } catch (error) {
    return explain(error, args.includes("--debug"), wrote);
  } finally {
    stop.dispose();
  }
}

async function command(args: readonly string[], module: URL | string, run: Run): Promise<number> {
  const { stop, streams } = run;
  let code: number = EXIT.done;
  try {
    if (args[0] === "compare") await compareFiles(args.slice(1), stop.signal);
    else code = await execute(parseOptions(args), module, run);
  } catch (error) {
    if (!(error instanceof Answered)) throw error;
  }
  await streams.settle(code === EXIT.partial ? NEVER : stop.signal);
  return code;
}

async function compareFiles(args: readonly string[], signal: AbortSignal): Promise<void> {
  const { compareSaved } = await import("./compare.ts");
  print(await compareSaved(args, { folder: workingFolder(), signal }));
}

async function execute(options: Options, module: URL | string, run: Run): Promise<number> {
  const { signal } = run.stop;
  if (options.listDevices) {
    const devices = await withRuntime(module, (runtime) => orAborted(runtime.devices(), signal));
    print(deviceList(devices));
    return EXIT.done;
  }
  const folder = workingFolder();
  const targets = checkTargets(wantedFiles(options), folder, { document: options.file, model: options.place.model });
  // Read first, so that a mistake in its name does not cost a profile and the new report may take its place; loaded only
  // where it is asked for.
  const compared =
    options.compare === undefined
      ? undefined
      : await (await import("./compare.ts")).against(options.compare, { folder, signal });
  const profiled = await profile(options, folder, module, run.stop);
  await deliver(profiled, { options, targets, compared }, run, profiled.report.partial === undefined ? signal : NEVER);
  return profiled.report.partial === undefined ? EXIT.done : EXIT.partial;
}

interface Profiled {
  readonly document: Document;
  readonly report: Report;
}

/** The report, or what Ctrl-C left of it. @throws Cancelled where nothing was measured yet */
async function profile(options: Options, folder: string, module: URL | string, stop: Stop): Promise<Profiled> {
  const { signal } = stop;
  const progress = createProgress(process.stderr, options.quiet);
  let found: Report | undefined;
  let document: Document | undefined;
  try {
    progress.phase(options.file === "-" ? "reading standard input" : `reading ${options.file}`);
    document = await readDocument(options.file, { folder, stdin: process.stdin, signal });
    const settings = { ...options.chosen, document, warmup: WARMUP };
    const asked = { ...options.place, folder, selectionTable: false, settings };
    const onFound = (soFar: SoFar): void => {
      found = soFar.report;
      progress.found(soFar);
    };
    const { report } = await withRuntime(module, (runtime) =>
      runtime.profile(asked, (said) => tell(progress, said), signal, onFound),
    );
    return { document, report };
  } catch (error) {
    const report = error instanceof Cancelled && stop.byHand ? keptReport(found) : undefined;
    if (report === undefined || document === undefined) throw error;
    stop.keep();
    return { document, report };
  } finally {
    progress.stop();
  }
}

/** What is to become of a report. */
interface Wanted {
  readonly options: Options;
  readonly targets: readonly Target[];
  readonly compared: ((report: Report) => string) | undefined;
}

async function deliver(
  { document, report }: Profiled,
  { options, targets, compared }: Wanted,
  { streams, wrote }: Run,
  signal: AbortSignal,
): Promise<void> {
  // Loaded only now: nothing of it is needed before there is a report, and the first sign of life should come at once.
  const [{ terminalText }, { render }] = await Promise.all([import("./terminal.ts"), import("./render.ts")]);
  const results = await Promise.all(
    targets.map(async (target) => ({ ...target, content: await render(target.option, report, document.text) })),
  );
  signal.throwIfAborted();
  // Files first: whatever is wrong with the streams, or waits for a reader, they are there.
  const files = results.filter(({ output }) => isPlainFile(output));
  commit(files);
  wrote.push(...files.map(({ name }) => name));
  if (!options.quiet) print(terminalText(report, document.text));
  if (compared !== undefined) print(`\n${compared(report)}`);
  for (const result of results) {
    if (isPlainFile(result.output)) continue;
    // What was printed before comes before it, where both go to one place.
    await streams.settle(signal);
    await pour(result, signal);
    wrote.push(result.name);
  }
  if (!options.quiet) for (const name of wrote) say(`wrote ${name}`);
  if (options.json === "-") process.stdout.write(`${await render("json-line", report, document.text)}\n`);
  const note = partialNote(report);
  if (note !== undefined) say(note);
}

function wantedFiles(options: Options): Pick<Target, "option" | "name">[] {
  return (["json", "html", "csv", "trace"] as const).flatMap((kind) => {
    const name = options[kind];
    return name === undefined || (kind === "json" && name === "-") ? [] : [{ option: `--${kind}`, name }];
  });
}

/** Loaded only now, and gone afterwards: the first sign of life should come at once, and the end too. */
async function withRuntime<T>(module: URL | string, work: (runtime: RuntimeClient) => Promise<T>): Promise<T> {
  const { RuntimeClient } = await import("../runtime/client.ts");
  const runtime = new RuntimeClient({ module });
  try {
    return await work(runtime);
  } finally {
    runtime.dispose();
  }
}

function tell(progress: Progress, said: Said): void {
  if (said.kind === "phase") progress.phase(said.text);
  else progress.progress(said);
}

/** npm starts scripts in the package's folder; the names that a user types are meant from where the user is. */
function workingFolder(): string {
  const { npm_lifecycle_event: script, INIT_CWD: start } = process.env;
  return script === "profile" && start !== undefined ? start : process.cwd();
}

function explain(error: unknown, debug: boolean, wrote: readonly string[]): number {
  if (error instanceof Cancelled) {
    say(`stopped; ${wrote.length === 0 ? "nothing was written" : `already written: ${wrote.join(", ")}`}`);
    return EXIT.stopped;
  }
  if (error instanceof UserError) {
    say(`error: ${error.message}`);
    return EXIT.mistake;
  }
  const { stack } = error instanceof Error ? error : new Error(String(error));
  say(`error: ${messageOf(error)} (unexpected; ${debug ? "stack trace follows" : "--debug shows the stack trace"})`);
  if (debug) sayLines(stack ?? "no stack trace");
  if (debug && error instanceof RuntimeFault && error.printed !== "") sayLines(error.printed);
  return EXIT.fault;
}
