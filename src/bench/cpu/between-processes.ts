import { mean, sampleStandardDeviation } from "simple-statistics";
import { VARIANTS, type Variant } from "../../engine/engine.ts";
import { printLine as print, say } from "../../cli/print.ts";
import { processCommand, requestOf, whereText, type ProcessOptions } from "./command.ts";
import { runsInProcesses } from "./rounds-process.ts";

/**
 * How far one document's times lie apart from process to process, beyond what the rounds within a process explain: the
 * source of BETWEEN_PROCESSES in profile/known-spread.ts, which widens the comparison of two reports.
 */
const options = processCommand("processes", "Times one document in separate processes; prints their spread.", 10)
  .parse()
  .opts<ProcessOptions>();

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

const variants: Variant[] = [...VARIANTS];
const results = await runsInProcesses({ request: requestOf(options, variants), ...options, say });
print(`\n### Times of one document from process to process\n\n${whereText(results, options)}\n`);
print("| variant | phase | ms, each process | spread of processes | of it by rounds | beyond the rounds |");
print("|---|---|---|---|---|---|");
for (const [i, variant] of variants.entries()) {
  for (const phase of ["prefill", "decode"] as const) {
    const logs = results.map(({ runners }) => runners[i]![phase].map(Math.log)).filter((of) => of.length > 1);
    if (logs.length < 2) continue;
    const centres = logs.map((of) => mean(of));
    const spread = sampleStandardDeviation(centres);
    const byRounds = Math.sqrt(mean(logs.map((of) => sampleStandardDeviation(of) ** 2 / of.length)));
    const beyond = Math.sqrt(Math.max(0, spread ** 2 - byRounds ** 2));
    const times = centres.map((centre) => Math.exp(centre).toFixed(phase === "prefill" ? 0 : 2)).join(", ");
    print(`| ${variant} | ${phase} | ${times} | ${percent(spread)} | ${percent(byRounds)} | ${percent(beyond)} |`);
  }
}
print(
  "\nStandard deviations of logarithms; put the largest of a phase into BETWEEN_PROCESSES (profile/known-spread.ts).",
);
