import { chosenOf, writtenDesign } from "../designs/laid.ts";
import type { Report } from "../protocol/report.ts";
import {
  editorName,
  hasEditorName,
  isRepeated,
  optionName,
  SETTINGS,
  type SettingName,
} from "../model/setting-table.ts";
import { bandwidth, bytes, count, matrixRate, parameters, plural, timestamp } from "../text/format.ts";
import { roundsWords } from "./ratio.ts";
import { QUERY_WORDS, STDIN_NAME, VARIANT_NAMES } from "./names.ts";
import { architectureIn } from "./plan.ts";

/** One line of the card: what was run, on what. */
export interface CardRow {
  readonly name: string;
  readonly text: string;
}

export function card(report: Report): CardRow[] {
  const { document, model, environment, settings } = report;
  const { architecture: a, schedule } = model;
  const full = schedule.filter((kind) => kind === "full").length;
  const rows: CardRow[] = [
    {
      name: "Document",
      text:
        `${document.name}, ${plural(document.tokens, "token")}, ${plural(document.characters, "character")}, ` +
        plural(document.lines, "line"),
    },
  ];
  if (document.truncated) rows.push({ name: "Truncated", text: cutText(report) });
  rows.push(
    {
      name: "Model",
      text:
        `${model.name}, ${parameters(model.parameters)} parameters, ${model.weights} weights, ${full} full of ` +
        `${plural(a.layers, "layer")}, ${a.queryHeads}/${a.kvHeads} heads of ${a.headDim}, hidden ${count(a.hidden)}`,
    },
    {
      name: "Attention",
      text: `blocks of ${a.block}, k = ${count(a.selectedTokens)} tokens, window ${count(a.window)}`,
    },
    ...parameterRows(report),
    {
      name: "Device",
      text:
        environment.gpu === undefined
          ? `${environment.device}, ${plural(environment.threads, "thread")}${quota(environment)}, ${bytes(environment.memoryBytes)} ` +
            `memory, ` +
            `${environment.os} ${environment.arch}`
          : `${gpuName(environment.device, environment.gpu.index)}${environment.gpu.software ? " (software, runs on the CPU)" : ""}, ` +
            `${gpuMemory(environment.gpu.freeBytes)}${environment.gpu.backend}, ${environment.gpu.driver}, ` +
            `${environment.os} ${environment.arch}`,
    },
    {
      name: "Engine",
      text:
        `${environment.engine} (${environment.engineReason}), ${environment.dtype}` +
        (environment.gpu === undefined ? "" : ` weights and KV cache, ${environment.gpu.arithmetic}`) +
        versionText(environment.versions),
    },
    {
      name: "Ceilings",
      text: ceilingsText(environment.ceilings),
    },
    {
      name: "Settings",
      text:
        `${settings.variants.map((variant) => VARIANT_NAMES[variant]).join(", ")}; ` +
        `${roundsWords(report)} after ${plural(settings.warmup, "warm-up")}, interleaved; ` +
        `${plural(settings.decodeTokens, "decoded token")}; chunks of ${count(settings.chunk)}; ` +
        `importance: ${QUERY_WORDS[settings.importance]}`,
    },
    { name: "Measured", text: `${timestamp(report.createdAt)}, ${report.tool.name} ${report.tool.version}` },
  );
  return rows;
}

/** What was chosen of designs' parameters: those that are not the model's own, or the paper's. */
function parameterRows(report: Report): CardRow[] {
  const architecture = architectureIn(report);
  const chosen = report.settings.variants.flatMap((variant) => {
    const values = Object.entries(chosenOf(architecture, variant)).map(
      ([name, value]) => `${name} ${typeof value === "number" ? count(value) : value}`,
    );
    return values.length === 0 ? [] : [`${VARIANT_NAMES[variant]} with ${values.join(", ")}`];
  });
  return chosen.length === 0 ? [] : [{ name: "Parameters", text: chosen.join("; ") }];
}

function ceilingsText({ matrixGflops, copyGBps, reads, method }: Report["environment"]["ceilings"]): string {
  const rate = matrixRate(matrixGflops);
  const copy = bandwidth(copyGBps);
  if (reads === undefined) return `${rate} matrix rate, ${copy} copy bandwidth (${method})`;
  const read = (at: 0 | -1): string => `${bandwidth(reads.at(at)?.GBps ?? 0)} of ${bytes(reads.at(at)?.bytes ?? 0)}`;
  return `${rate}, reads ${read(0)} to ${read(-1)}, copy ${copy} (${method})`;
}

/** "NVIDIA L4 (GPU 1)": names alone do not tell equal cards apart. */
function gpuName(device: string, index: number | undefined): string {
  return index === undefined ? device : `${device} (GPU ${index})`;
}

function quota({ container }: Report["environment"]): string {
  return container?.cpus === undefined ? "" : ` (CPU quota ${Number(container.cpus.toFixed(2))} cores)`;
}

function gpuMemory(free: number | undefined): string {
  return free === undefined ? "" : `${bytes(free)} free, `;
}

/** Why and where the document was cut, always with both token counts. */
export function cutText({ document }: Report): string {
  const { tokens, totalTokens, truncation } = document;
  return truncation ?? `Profiled the first ${count(tokens)} of ${plural(totalTokens, "token")}.`;
}

/** Who reads: somebody with a checkout and a terminal, or with the extension in an editor. */
export type Reader = "command line" | "editor";

/** What repeats the measurement, of what its reader has: a line for a shell, or the editor's command with its settings. */
export function command(report: Report, reader: Reader): string {
  const { document, settings } = report;
  const asked = Object.entries(askedIn(report)) as [SettingName, Asked | undefined][];
  const given = asked.flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [[name, value] as const],
  );
  if (reader === "editor") {
    const entries = given.flatMap(([name, value]) => (hasEditorName(name) ? [settingText(name, value)] : []));
    const title = settings.sweep === undefined ? "Profile Document" : "Context-Length Sweep";
    return `HySparse: ${title}, with the settings ${[...new Set(entries)].join(", ")}`;
  }
  const options = given.flatMap(([name, value]) => {
    if (value === true) return [optionName(name)];
    const values = typeof value === "object" && isRepeated(name) ? value : [value];
    return values.map((one) => `${optionName(name)} ${quote(one.toString())}`);
  });
  return `npm run profile -- ${document.name === STDIN_NAME ? "-" : quote(document.name)} ${options.join(" ")}`;
}

type Asked = string | number | boolean | readonly (string | number)[];

/** What was asked for, in the order in which it is told; undefined where nothing was. */
function askedIn(report: Report): Readonly<Partial<Record<SettingName, Asked | undefined>>> {
  const { environment, model, settings } = report;
  const architecture = architectureIn(report);
  const designs = settings.variants
    .filter((variant) => Object.keys(chosenOf(architecture, variant)).length > 0)
    .map((variant) => writtenDesign(architecture, variant));
  const { threads, variants, decodeTokens, importance, chunk, maxTokens, sweep, fidelity, swaps, oracleMap } = settings;
  return {
    engine: environment.engine,
    gpu: environment.gpu && (environment.gpu.address ?? environment.device),
    threads,
    model: settings.model ?? model.name,
    variants,
    designs: designs.length === 0 ? undefined : designs,
    decodeTokens,
    repetitions: settings.rounds ?? settings.repetitions,
    importance,
    ...{ chunk, maxTokens, sweep, fidelity, swaps, oracleMap },
  };
}

/** As it stands in the editor's settings.json. */
function settingText(name: SettingName, value: Asked): string {
  // A number in the settings: 0 leaves it to the profiler.
  const written = name === "repetitions" && value === SETTINGS.repetitions.default ? 0 : value;
  return `"${editorName(name)}": ${JSON.stringify(written)}`;
}

/** For a POSIX shell; plain words stay as they are. */
function quote(word: string): string {
  return /^[\w@%+=:,./][\w@%+=:,./-]*$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function versionText(versions: Readonly<Record<string, string>>): string {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return list.length === 0 ? "" : `, ${list.join(", ")}`;
}
