import { Command, CommanderError, InvalidArgumentError } from "commander";
import { DEFAULT_DESIGNS, DESIGNS } from "../designs/designs.ts";
import { readDesign } from "../designs/laid.ts";
import { VARIANTS, type Variant } from "../engine/engine.ts";
import { engineChoices, ENGINES } from "../engine/registry.ts";
import type { EngineRow } from "../engine/row.ts";
import { UserError } from "../model/errors.ts";
import { manifest } from "../model/package-root.ts";
import { readLengths } from "../profile/sweep-lengths.ts";
import { SETTINGS } from "../model/setting-table.ts";
import type { Chosen, Place } from "../protocol/settings.ts";
import { settingOption, settingsIn, within, withoutSettings } from "./setting-options.ts";

/** What the command line asks for, checked as far as that goes without looking at files or machines. */
export interface Options {
  /** As typed; "-" is standard input. */
  readonly file: string;
  readonly place: Place;
  readonly chosen: Chosen;
  /** Only say what there is; no document is needed. */
  readonly listDevices: boolean;
  /** A file, or "-" for one last line on stdout. */
  readonly json?: string;
  readonly html?: string;
  readonly csv?: string;
  readonly trace?: string;
  /** A saved report to hold the new one against. */
  readonly compare?: string;
  readonly quiet: boolean;
  readonly debug: boolean;
}

/** Options that are no setting of a profile. */
type OwnOptions = Omit<Options, "file" | "place" | "chosen">;

/** Help or the version was asked for and printed: there is nothing more to do. */
export class Answered extends Error {}

const EXAMPLES = `
Examples:
  npm run profile -- media/samples/design-note.md
  npm run profile -- notes.md --html notes.html --json notes.hysparse.json
  npm run profile -- src/big-file.ts --variants hysparse,full --repetitions 5
  git diff | npm run --silent profile -- - --quiet --json - | jq .variants.hysparse.totals
  npm run profile -- notes.md --design streaming:window=1020 --design hysparse:k=512
  npm run profile -- book.txt --model paper-7b --max-tokens 512 --decode 4
  npm run profile -- notes.md --sweep 1k,2k,4k,8k --compare last-week.hysparse.json
  npm run profile -- notes.md --fidelity --swaps --repetitions 1 --decode 0
  npm run profile -- notes.md --model path/to/dense-model --variants full --fidelity
  npm run profile -- notes.md --model path/to/dense-model --variants full --repetitions 1 --decode 0 --oracle-map auto
  npm run profile -- compare last-week.hysparse.json today.hysparse.json

Tables go to stdout, progress and errors to stderr. With --json - the report is the last line of stdout, after any
tables: "... --json - | tail -1 | jq ." always works. Files are written when the run is complete, all or none; an
existing file is replaced and keeps its mode, owner and links. Pipes, devices and /dev/stdout are written directly.
Exit codes: 0 success (also when a reader closes the pipe early), 1 a bug in this program, 2 a usage or input error
explained by the message or a failed write to standard output, 130 interrupted.`;

/**
 * @throws UserError for anything that cannot be meant, in one line
 * @throws Answered after --help or --version
 */
export function parseOptions(args: readonly string[]): Options {
  const program = command();
  try {
    program.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) throw new Answered();
    throw new UserError(error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " "));
  }
  const { place, chosen } = settingsIn(program.opts());
  const own = withoutSettings(program.opts<OwnOptions>());
  if (program.args.length === 0 && !own.listDevices)
    throw new UserError('no document: name a file, or "-" for standard input');
  for (const name of ["html", "csv", "trace"] as const) {
    if (own[name] === "-") throw new UserError(`--${name} needs a file; only --json can write to stdout ("-")`);
  }
  return { ...own, file: program.args[0] ?? "", place, chosen };
}

/** The command with all its options; `engines` are those that its help names. */
export function command(engines: readonly EngineRow[] = ENGINES): Command {
  return new Command("profile")
    .description("Profiles long-context attention on your document: latency per layer and KV memory.")
    .argument("[file]", 'the document (UTF-8 text); "-" reads standard input')
    .addOption(settingOption("engine", "<id>", `where the model runs: ${engineChoices(engines)}`))
    .addOption(
      settingOption(
        "gpu",
        "<name|index>",
        "GPU by index, name, or part of a name (see --list-devices); required for a software GPU",
      ),
    )
    .addOption(settingOption("threads", "<n>", "CPU threads (default: one per core, within a container's CPU quota)"))
    .option("--list-devices", "list engines and GPUs, then exit", false)
    .addOption(
      settingOption(
        "model",
        "<id>",
        "embedded, paper-7b, paper-80b-a3b, a checkpoint folder, a GGUF file, or org/name in the local Hugging Face cache",
      ),
    )
    .addOption(
      settingOption("variants", "<list>", `comma-separated list of ${VARIANTS.join(", ")}`, variants).default(
        [...DEFAULT_DESIGNS],
        DEFAULT_DESIGNS.join(","),
      ),
    )
    .addOption(
      settingOption(
        "designs",
        "<name:parameters>",
        `a design with its own parameters, e.g. streaming:window=1020; repeatable: ${designHelp()}`,
        design,
      ),
    )
    .addOption(settingOption("maxTokens", "<n>", "profile at most this many tokens"))
    .addOption(settingOption("decodeTokens", "<n>", "tokens to decode after the document; 0 for prefill only"))
    .addOption(
      settingOption(
        "repetitions",
        "<n>",
        "timed rounds of prefill and decode; auto stops when more would not help",
        wholeOrAuto("repetitions"),
      ),
    )
    .addOption(settingOption("importance", "<queries>", "whose attention shades the document"))
    .addOption(
      settingOption(
        "chunk",
        "<n>",
        "queries per prefill chunk (default: the engine's choice; does not change results)",
      ),
    )
    .addOption(settingOption("sweep", "<lengths>", 'also measure other context lengths: "1k,4k,16k" or auto', lengths))
    .addOption(
      settingOption("fidelity", "", "also measure how much of each layer's attention the inherited blocks cover"),
    )
    .addOption(
      settingOption("swaps", "", "also measure the cost of replacing the selected blocks (random, newest, none, all)"),
    )
    .addOption(
      settingOption(
        "oracleMap",
        "<k>",
        "also measure how much of each layer's attention lies where earlier layers chose k tokens; auto takes the " +
          "model's k, at most an eighth of the document",
        wholeOrAuto("oracleMap"),
      ),
    )
    .addOption(settingOption("includeText", "", "include the document's text in the JSON report"))
    .option("--json <file>", 'write the report as JSON; "-" prints it as the last line')
    .option("--html <file>", "write the report as a self-contained page with the document's text")
    .option("--csv <file>", "write all latencies and KV bytes as CSV")
    .option("--trace <file>", "write a Chrome / Perfetto trace of the medians")
    .option("--compare <report>", "compare the result with a report saved by --json")
    .option("--quiet", "print no tables and no progress", false)
    .option("--debug", "show the stack of an unexpected error", false)
    .version(manifest().version)
    .addHelpText("after", EXAMPLES)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
}

function variants(list: string): Variant[] {
  const names = list.split(",").map((name) => name.trim());
  for (const name of names) {
    if (!isVariant(name))
      throw new InvalidArgumentError(`Unknown variant "${name}". Available: ${VARIANTS.join(", ")}.`);
    if (names.filter((other) => other === name).length > 1)
      throw new InvalidArgumentError(`Variant "${name}" is listed twice.`);
  }
  return names.filter(isVariant);
}

/** Checked here, too, so that nothing is loaded for what cannot be meant. */
function design(text: string, before: unknown): string[] {
  try {
    readDesign(text);
  } catch (error) {
    if (error instanceof UserError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
  return [...(Array.isArray(before) ? (before as string[]) : []), text];
}

/** "hysparse (k, block, window), streaming (first, window)". */
function designHelp(): string {
  return DESIGNS.flatMap(({ id, parameters }) =>
    parameters === undefined ? [] : [`${id} (${Object.keys(parameters).join(", ")})`],
  ).join(", ");
}

function isVariant(name: string): name is Variant {
  return (VARIANTS as readonly string[]).includes(name);
}

function lengths(text: string): "auto" | number[] {
  try {
    return readLengths(text);
  } catch (error) {
    if (error instanceof UserError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

function wholeOrAuto(setting: "repetitions" | "oracleMap"): (text: string) => "auto" | number {
  const { least, most } = SETTINGS[setting];
  return (text) => (text === "auto" ? text : within(least, most)(text));
}
