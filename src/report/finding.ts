import { caveatsOf } from "../designs/designs.ts";
import type { Variant } from "../engine/engine.ts";
import type { Report, VariantReport } from "../protocol/report.ts";
import { subjectOf } from "../profile/subject.ts";
import { variantsOf } from "./breakdown.ts";
import { crossovers } from "./crossover.ts";
import { bytes, capital, duration, part, ratio, versus } from "../text/format.ts";
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
  if (!subject) return [report.partial === undefined ? "No variant was profiled." : "No times yet."];
  const others = variants.filter((variant) => variant.name !== subject.name);
  const sentences = others.length === 0 ? [alone(subject.name, subject.data)] : [];
  const crossing = crossovers(report).filter(({ kind }) => kind !== "unknown");
  for (const other of others) {
    const texts = crossing.filter(({ rival }) => rival === other.name).map(({ text }) => text);
    sentences.push([against(report, subject, other), ...texts].join(" "));
  }
  if (others.length > 0 && report.settings.repetitions === 1) {
    sentences.push("Each variant was measured once: the spread is unknown, so ignore small differences.");
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
    `${capital(VARIANT_WORDS[name])}: ${bytes(totals.kvBytes)} of KV memory, ${duration(totals.prefillMs)} prefill${decode}. ` +
    "No other variant was profiled for comparison."
  );
}

function against({ ratios }: Report, subject: Named, other: Named): string {
  const timed = (phase: PhaseName, a: Measured | undefined, b: Measured | undefined): string[] => {
    if (!a || !b) return [];
    const ratio = ratioOf(ratios?.pairs, subject.name, other.name, phase);
    if (ratio === undefined || ratios === undefined) return [byRanges(phase, a, b)];
    const figures = timesOf(phase, a, b);
    const said = ratioWords(ratio, ratios.confidence, figures);
    return [`${PHASE_NAMES[phase]}${ratioSign(ratio) === 0 ? ":" : " is"} ${said}.`];
  };
  return [
    memory(subject, other),
    ...timed("prefill", prefillOf(subject.data), prefillOf(other.data)),
    ...timed("decode", decodeOf(subject.data), decodeOf(other.data)),
  ].join(" ");
}

/** "2.67 vs. 2.95 s"; of decoding "19.9 vs. 15.7 ms per token". */
function timesOf(phase: PhaseName, a: Measured, b: Measured): string {
  return `${versus(duration(a.median), duration(b.median))}${phase === "decode" ? " per token" : ""}`;
}

/** "HySparse uses a third of full attention's KV memory on this document (16.7 vs. 50.6 MiB)." */
function memory(subject: Named, other: Named): string {
  const a = subject.data.totals.kvBytes;
  const b = other.data.totals.kvBytes;
  const name = capital(VARIANT_WORDS[subject.name]);
  const rival = VARIANT_WORDS[other.name];
  if (a === b) return `${name} uses the same KV memory as ${rival} on this document (${bytes(a)}).`;
  const figures = versus(bytes(a), bytes(b));
  return a < b
    ? `${name} uses ${part(a / b)} of ${rival}'s KV memory on this document (${figures}).`
    : `${name} uses ${ratio(a / b)}x as much KV memory as ${rival} on this document (${figures}).`;
}

/** "Prefill is 1.2x faster (8.10 vs. 9.70 s)." */
function byRanges(what: PhaseName, a: Measured, b: Measured): string {
  const subject = PHASE_NAMES[what];
  const figures = timesOf(what, a, b);
  if (spreadKnown(a, b) && overlap(a, b)) {
    return `${subject}: no significant difference (${figures}, ranges overlap).`;
  }
  if (a.median === b.median) return `${subject} takes the same time (${figures}).`;
  return a.median < b.median
    ? `${subject} is ${ratio(b.median / a.median)}x faster (${figures}).`
    : `${subject} is ${ratio(a.median / b.median)}x slower (${figures}).`;
}
