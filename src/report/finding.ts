import { caveatsOf } from "../designs/designs.ts";
import type { Variant } from "../engine/engine.ts";
import type { Report, VariantReport } from "../protocol/report.ts";
import { subjectOf } from "../profile/subject.ts";
import { variantsOf } from "./breakdown.ts";
import { crossovers } from "./crossover.ts";
import { bytes, capital, duration, ratio } from "./format.ts";
import { PHASE_NAMES, VARIANT_WORDS, type PhaseName } from "./names.ts";
import { architectureIn } from "./plan.ts";
import { ratioOf, ratioSign, ratioWords } from "./ratio.ts";
import { decodeOf, overlap, prefillOf, spreadKnown, type Measured } from "./spread.ts";

/**
 * What the measurement says, in plain paragraphs: the subject (HySparse where it was run) against each other variant.
 * A difference is claimed only where the interval of their ratio, from paired rounds, excludes 1. Reports up to 0.4.0 keep no
 * ratios: there the two sets of samples must not overlap.
 */
export function finding(report: Report): string[] {
  const architecture = architectureIn(report);
  const { tokens } = report.document;
  const variants = variantsOf(report);
  const name = subjectOf(variants.map((variant) => variant.name));
  const subject = variants.find((variant) => variant.name === name);
  if (!subject) return ["No variant was profiled."];
  const others = variants.filter((variant) => variant.name !== subject.name);
  const sentences = others.length === 0 ? [alone(subject.name, subject.data)] : [];
  const crossing = crossovers(report).filter(({ kind }) => kind !== "unknown");
  for (const other of others) {
    const texts = crossing.filter(({ rival }) => rival === other.name).map(({ text }) => text);
    sentences.push([against(report, subject, other), ...texts].join(" "));
  }
  if (others.length > 0 && report.settings.repetitions === 1) {
    sentences.push("Each was measured only once, so the spread is unknown and small differences mean nothing.");
  }
  const caveats = variants.flatMap((variant) => caveatsOf(architecture, variant.name, tokens));
  return [...caveats, ...sentences];
}

interface Named {
  readonly name: Variant;
  readonly data: VariantReport;
}

function alone(name: Variant, { totals }: VariantReport): string {
  const decode =
    totals.timePerOutputTokenMs === undefined ? "" : `, ${duration(totals.timePerOutputTokenMs)} per output token`;
  return (
    `${capital(VARIANT_WORDS[name])} needs ${bytes(totals.kvBytes)} of KV memory, ${duration(totals.prefillMs)} to read ` +
    `this document${decode}. No other variant was profiled to compare it with.`
  );
}

function against({ ratios }: Report, subject: Named, other: Named): string {
  const timed = (phase: PhaseName, a: Measured | undefined, b: Measured | undefined): string[] => {
    if (!a || !b) return [];
    const ratio = ratioOf(ratios?.pairs, subject.name, other.name, phase);
    if (ratio === undefined || ratios === undefined) return [byRanges(phase, a, b)];
    const figures = `${duration(a.median)} against ${duration(b.median)}${phase === "decode" ? " per token" : ""}`;
    const said = ratioWords(ratio, ratios.confidence, figures);
    return [`${PHASE_NAMES[phase]}${ratioSign(ratio) === 0 ? ":" : " is"} ${said}.`];
  };
  return [
    memory(subject, other),
    ...timed("prefill", prefillOf(subject.data), prefillOf(other.data)),
    ...timed("decode", decodeOf(subject.data), decodeOf(other.data)),
  ].join(" ");
}

/** "HySparse needs 3.4 times less KV memory than full attention on this document (8.5 MiB against 24.5 MiB)." */
function memory(subject: Named, other: Named): string {
  const a = subject.data.totals.kvBytes;
  const b = other.data.totals.kvBytes;
  const name = capital(VARIANT_WORDS[subject.name]);
  const rival = VARIANT_WORDS[other.name];
  if (a === b) return `${name} needs the same KV memory as ${rival} on this document (${bytes(a)}).`;
  const much = a < b ? `${ratio(b / a)} times less` : `${ratio(a / b)} times more`;
  return `${name} needs ${much} KV memory than ${rival} on this document (${bytes(a)} against ${bytes(b)}).`;
}

/** "Its prefill takes 1.2 times less time (8.1 s against 9.7 s)." */
function byRanges(what: PhaseName, a: Measured, b: Measured): string {
  const subject = what === "prefill" ? "Its prefill" : "Its decoding";
  const figures = `${duration(a.median)} against ${duration(b.median)}`;
  if (spreadKnown(a, b) && overlap(a, b)) {
    return `No difference in ${what} time was measured: the samples overlap (${figures}).`;
  }
  if (a.median === b.median) return `${subject} takes the same time (${figures}).`;
  return a.median < b.median
    ? `${subject} takes ${ratio(b.median / a.median)} times less time (${figures}).`
    : `${subject} is slower, ${ratio(a.median / b.median)} times as long (${figures}).`;
}
