import { appendFileSync } from "node:fs";
import { mean, sampleStandardDeviation } from "simple-statistics";
import { BASELINE, DESIGN_IDS, designById } from "../../designs/designs.ts";
import type { Variant } from "../../engine/engine.ts";
import { subjectOf } from "../../profile/subject.ts";
import { CONFIDENCE, excludesOne, pairedRatio, type RoundsRatio } from "../../profile/time-ratio.ts";
import { factor, intervalWords, ratioMeaning, ratioSign } from "../../report/ratio.ts";
import { printLine as print, say } from "../../cli/print.ts";
import { processCommand, requestOf, whereText, type ProcessOptions } from "./command.ts";
import { runsInProcesses, type RoundsResult } from "./rounds-process.ts";

/**
 * Whether what a profile claims would be claimed again: the rounds of a profile in many processes, the subject against the
 * baseline and the baseline against itself, with ratio and interval of each.
 */
const options = processCommand("claims", "Repeats the claim of a profile in processes of their own.", 20)
  .option("--skip <pair>", "leave out: different, same")
  .option("--samples <file>", "append every round's milliseconds to it, a line of JSON per process")
  .parse()
  .opts<ProcessOptions & { readonly skip?: string; readonly samples?: string }>();

const PHASES = ["prefill", "decode"] as const;
type Phase = (typeof PHASES)[number];

function ratiosOf(results: readonly RoundsResult[], phase: Phase): (RoundsRatio & { readonly rounds: number })[] {
  return results.flatMap(({ runners: [a, b] }) => {
    const found = a && b ? pairedRatio(a[phase], b[phase], phase) : undefined;
    return found ? [{ ...found, rounds: a![phase].length }] : [];
  });
}

function claimOf(ratio: RoundsRatio): string {
  return ["slower", "no difference", "faster"][ratioSign(ratio) + 1]!;
}

/**
 * What the ratios of processes differ by beyond what their own rounds explain, as a standard deviation of logarithms: of
 * known-spread.ts. The rounds' part is the mean of their squared standard errors.
 */
function beyondRounds(ratios: readonly RoundsRatio[]): number {
  if (ratios.length < 2) return 0;
  const between = sampleStandardDeviation(ratios.map(({ ratio }) => Math.log(ratio))) ** 2;
  const within = mean(ratios.map(({ error }) => error ** 2));
  return Math.sqrt(Math.max(0, between - within));
}

async function table(title: string, variants: Variant[]): Promise<void> {
  const results = await runsInProcesses({ request: requestOf(options, variants), ...options, say });
  if (options.samples !== undefined) {
    appendFileSync(options.samples, results.map((result) => `${JSON.stringify({ variants, ...result })}\n`).join(""));
  }
  print(`\n### ${title}\n`);
  print(whereText(results, options));
  const agreeing: string[] = [];
  for (const phase of PHASES) {
    const ratios = ratiosOf(results, phase);
    if (ratios.length === 0) continue;
    print(`\n| run | ${phase}: ratio | ${100 * CONFIDENCE} % interval | rounds | claim |\n|---|---|---|---|---|`);
    for (const [i, ratio] of ratios.entries()) {
      print(
        `| ${i + 1} | ${factor(ratio.ratio)} | ${intervalWords(ratio)} | ${ratio.rounds} | ${ratioMeaning(ratio)} |`,
      );
    }
    const counts = new Map<string, number>();
    for (const ratio of ratios) counts.set(claimOf(ratio), (counts.get(claimOf(ratio)) ?? 0) + 1);
    const ranked = [...counts].sort(([, a], [, b]) => b - a);
    const told = ranked.map(([claim, count]) => `${count} of ${ratios.length} ${claim}`);
    const most = ranked[0]![1];
    agreeing.push(`${phase} ${most} of ${ratios.length} (${Math.round((100 * most) / ratios.length)} %)`);
    print(`\n${phase}: ${told.join(", ")}; spread beyond the rounds ${(100 * beyondRounds(ratios)).toFixed(2)} %.`);
  }
  const claiming = results.filter((result) =>
    PHASES.some((phase) => ratiosOf([result], phase).some((ratio) => excludesOne(ratio))),
  );
  print(`\nRuns that make the most frequent claim: ${agreeing.join(", ")}.`);
  print(`\nRuns that claim a difference in any phase: ${claiming.length} of ${results.length}.`);
}

const subject = subjectOf(DESIGN_IDS)!;
if (options.skip !== "different")
  await table(`${designById(subject).title} against ${designById(BASELINE).words}`, [subject, BASELINE]);
if (options.skip !== "same") await table(`${designById(BASELINE).title} against itself`, [BASELINE, BASELINE]);
