import { UserError } from "../model/errors.ts";
import type { Report } from "../profile/report.ts";
import { readDocument, type Document } from "./input.ts";
import { Cancelled, runJob } from "./job-process.ts";
import type { JobRequest } from "./messages.ts";
import { Answered, parseOptions, type Options } from "./options.ts";
import { checkTargets, writeAll, type Target } from "./outputs.ts";
import { createProgress } from "./progress.ts";
import { onStop } from "./stop.ts";

export const EXIT = { done: 0, fault: 1, mistake: 2, stopped: 130 } as const;

/** Runs of every variant that are made and not counted: the first one pays for memory and caches. */
const WARMUP = 1;

/** The module of the process that does the work; tests put their own here. */
const JOB = new URL("./job.ts", import.meta.url);

/** The whole command, from arguments to exit code. Errors end here, each as one line on stderr. */
export async function run(args: readonly string[], job: URL = JOB): Promise<number> {
  const stop = onStop(() => new Cancelled(), EXIT.stopped);
  try {
    await profileDocument(parseOptions(args), job, stop.signal);
    return EXIT.done;
  } catch (error) {
    return explain(error, args.includes("--debug"));
  } finally {
    stop.dispose();
  }
}

async function profileDocument(options: Options, job: URL, signal: AbortSignal): Promise<void> {
  if (options.listDevices) {
    const { deviceList } = await import("./devices.ts");
    process.stdout.write(await deviceList());
    return;
  }
  const folder = workingFolder();
  const targets = checkTargets(wantedFiles(options), folder, options.file === "-" ? undefined : options.file);
  const progress = createProgress(process.stderr, options.quiet);
  let document: Document;
  let report: Report;
  try {
    progress.phase(options.file === "-" ? "reading standard input until its end" : `reading ${options.file}`);
    document = await readDocument(options.file, { folder, stdin: process.stdin, signal });
    report = await runJob(job, request(options, document, folder), progress, signal);
  } finally {
    progress.stop();
  }
  // Loaded only now: nothing of it is needed before there is a report, and the first sign of life should come at once.
  const [{ terminalText }, { render }] = await Promise.all([import("./terminal.ts"), import("./render.ts")]);
  if (!options.quiet) process.stdout.write(terminalText(report, document.text));
  writeAll(targets.map((target) => ({ target, content: render(target.option, report, document.text) })));
  if (!options.quiet) for (const { name } of targets) process.stderr.write(`wrote ${name}\n`);
  if (options.json === "-") process.stdout.write(`${render("json-line", report, document.text)}\n`);
}

function wantedFiles(options: Options): Pick<Target, "option" | "name">[] {
  return (["json", "html", "csv"] as const).flatMap((kind) => {
    const name = options[kind];
    return name === undefined || (kind === "json" && name === "-") ? [] : [{ option: `--${kind}`, name }];
  });
}

function request(options: Options, document: Document, folder: string): JobRequest {
  return {
    engine: options.engine,
    ...(options.gpu === undefined ? {} : { gpu: options.gpu }),
    model: options.model,
    folder,
    settings: {
      document,
      variants: options.variants,
      decodeTokens: options.decode,
      repetitions: options.repetitions,
      warmup: WARMUP,
      importance: options.importance,
      includeText: options.includeText,
      ...(options.maxTokens === undefined ? {} : { maxTokens: options.maxTokens }),
      ...(options.chunk === undefined ? {} : { chunk: options.chunk }),
    },
  };
}

/** npm starts scripts in the package's folder; the names that a user types are meant from where the user is. */
function workingFolder(): string {
  const { npm_lifecycle_event: script, INIT_CWD: start } = process.env;
  return script === "profile" && start !== undefined ? start : process.cwd();
}

function explain(error: unknown, debug: boolean): number {
  if (error instanceof Answered) return EXIT.done;
  if (error instanceof Cancelled) {
    process.stderr.write("stopped; nothing was written\n");
    return EXIT.stopped;
  }
  if (error instanceof UserError) {
    process.stderr.write(`error: ${error.message.replace(/\s*\n\s*/g, " ")}\n`);
    return EXIT.mistake;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(`error: ${message} (unexpected; ${debug ? "its stack follows" : "--debug shows the stack"})\n`);
  if (debug) process.stderr.write(`${stack ?? "there is no stack"}\n`);
  return EXIT.fault;
}
