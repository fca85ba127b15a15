import { parametersOf } from "../designs/designs.ts";
import { chosenOf } from "../designs/laid.ts";
import type { ParameterValues } from "../designs/values.ts";
import { VARIANTS } from "../engine/engine.ts";
import type { Report } from "../protocol/report.ts";
import { count, plural } from "../text/format.ts";
import { VARIANT_NAMES, VARIANT_WORDS } from "./names.ts";
import { architectureIn } from "./plan.ts";

/** Something in which two reports are not alike. */
export interface Difference {
  /** What it is: "document", "device". */
  readonly what: string;
  readonly baseline: string;
  readonly report: string;
  /**
   * `work`: not the same work, so no figures can be held against each other. `times`: the same work under other conditions:
   * comparing is meaningful, and this must be said. `none`: named, but nothing that is compared depends on it.
   */
  readonly affects: "work" | "times" | "none";
}

type Fact = readonly [what: string, affects: Difference["affects"], of: (report: Report) => string];

const SHORT_HASH = 12;
const ORDER: readonly Difference["affects"][] = ["work", "times", "none"];

const FACTS: readonly Fact[] = [
  ["document", "work", ({ document }) => `${document.name}, sha256 ${document.sha256.slice(0, SHORT_HASH)}`],
  ["tokens", "work", ({ document }) => plural(document.tokens, "token")],
  ["model", "work", ({ model }) => modelText(model)],
  ["engine", "times", ({ environment }) => environment.engine],
  ["device", "times", ({ environment }) => environment.device],
  ["number type", "times", ({ environment }) => environment.dtype],
  ["arithmetic", "times", ({ environment }) => environment.gpu?.arithmetic ?? "no GPU"],
  ["driver", "times", ({ environment }) => environment.gpu?.driver ?? "no GPU"],
  ["attention kernels", "times", ({ environment }) => environment.kernels ?? "none"],
  ["threads", "times", ({ environment }) => count(environment.threads)],
  ["CPU quota", "times", ({ environment }) => quotaText(environment.container?.cpus)],
  ["system", "times", ({ environment }) => `${environment.os} ${environment.arch}`],
  ["versions", "times", ({ environment, tool }) => versionText({ [tool.name]: tool.version, ...environment.versions })],
  ["queries per chunk", "times", ({ settings }) => count(settings.chunk)],
  ["decoded tokens", "times", ({ settings }) => count(settings.decodeTokens)],
  ["warm-ups", "times", ({ settings }) => count(settings.warmup)],
  ["repetitions", "times", ({ settings }) => settings.rounds ?? count(settings.repetitions)],
  ["variants", "times", ({ settings }) => settings.variants.map((variant) => VARIANT_NAMES[variant]).join(", ")],
  ["importance", "none", ({ settings }) => settings.importance],
  ["sweep", "none", ({ settings }) => settings.sweep?.map(count).join(", ") ?? "none"],
  ["selection checks", "none", ({ settings }) => checksText(settings)],
];

/** Everything that differs in what was run, on what and how, what matters most first; results are not looked at. */
export function differences(baseline: Report, report: Report): Difference[] {
  const found = FACTS.flatMap(([what, affects, of]) => {
    const texts = { baseline: of(baseline), report: of(report) };
    // A renamed document is the same document.
    const hashes = [baseline.document.sha256, report.document.sha256];
    const same = what === "document" ? hashes[0] === hashes[1] : texts.baseline === texts.report;
    return same ? [] : [{ what, affects, ...texts }];
  });
  return [...found, ...architecture(baseline, report), ...parameters(baseline, report)].sort(
    (a, b) => ORDER.indexOf(a.affects) - ORDER.indexOf(b.affects),
  );
}

function quotaText(cpus: number | undefined): string {
  return cpus === undefined ? "none" : `${Number(cpus.toFixed(2))} cores`;
}

function checksText({ fidelity, swaps, oracleMap }: Report["settings"]): string {
  const run = [
    ...(fidelity === true ? ["fidelity"] : []),
    ...(swaps === true ? ["swaps"] : []),
    ...(oracleMap === undefined ? [] : ["oracle map"]),
  ];
  return run.length === 0 ? "none" : run.join(", ");
}

/** Only the numbers of the shape that differ. */
function architecture(baseline: Report, report: Report): Difference[] {
  const [a, b] = [shape(baseline), shape(report)];
  const other = [...new Set([...a.keys(), ...b.keys()])].filter((name) => a.get(name) !== b.get(name));
  if (other.length === 0) return [];
  const text = (of: ReadonlyMap<string, string>): string =>
    other.map((name) => `${name} ${of.get(name) ?? "unknown"}`).join(", ");
  return [{ what: "architecture", affects: "work", baseline: text(a), report: text(b) }];
}

/** Of every variant that is in both, the parameters that differ: what is compared then is those. */
function parameters(baseline: Report, report: Report): Difference[] {
  return VARIANTS.flatMap((variant): Difference[] => {
    if (!baseline.variants[variant] || !report.variants[variant]) return [];
    const [before, after] = [architectureIn(baseline), architectureIn(report)];
    const [a, b] = [parametersOf(before, variant), parametersOf(after, variant)];
    // What nobody chose follows from the model, which is told by itself.
    const chosen = Object.keys({ ...chosenOf(before, variant), ...chosenOf(after, variant) });
    const other = chosen.filter((name) => a[name] !== b[name]);
    if (other.length === 0) return [];
    const text = (of: ParameterValues): string => other.map((name) => `${name} ${of[name] ?? "unknown"}`).join(", ");
    return [{ what: `parameters of ${VARIANT_WORDS[variant]}`, affects: "times", baseline: text(a), report: text(b) }];
  });
}

function shape({ model }: Report): ReadonlyMap<string, string> {
  const numbers = Object.entries(model.architecture)
    // May be absent, which is not "unknown": the schedule says the same.
    .filter(([name]) => name !== "lastFull" && name !== "fullLayers")
    .map(([name, value]): [string, string] => [name, String(value)]);
  const kinds = model.schedule.map((kind) => (kind === "full" ? "F" : "s")).join("");
  return new Map([...numbers, ["schedule", kinds]]);
}

/** A model is its weights where they are known, else its name. */
function modelText({ name, weights, sha256 }: Report["model"]): string {
  return sha256 === undefined
    ? `${name}, ${weights} weights`
    : `${weights} weights, sha256 ${sha256.slice(0, SHORT_HASH)}`;
}

function versionText(versions: Readonly<Record<string, string>>): string {
  return Object.entries(versions)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, version]) => `${name} ${version}`)
    .join(", ");
}
