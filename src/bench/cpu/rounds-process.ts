import { fork } from "node:child_process";
import { resolve } from "node:path";
import { z } from "zod";
import { VARIANTS } from "../../engine/engine.ts";
import { processModule } from "../../model/package-root.ts";

export const roundsRequestSchema = z.strictObject({
  engine: z.string(),
  model: z.string(),
  file: z.string(),
  variants: z.array(z.enum(VARIANTS)).min(1).describe("the same one may be named twice"),
  decodeTokens: z.int().nonnegative(),
  repetitions: z.union([z.literal("auto"), z.int().positive()]),
});
export type RoundsRequest = z.infer<typeof roundsRequestSchema>;

const roundsResultSchema = z.strictObject({
  device: z.string(),
  threads: z.int().positive(),
  tokens: z.int().positive(),
  runners: z.array(z.strictObject({ prefill: z.array(z.number()), decode: z.array(z.number()) })),
});
/** Milliseconds per round, of each of the request's variants. */
export type RoundsResult = z.infer<typeof roundsResultSchema>;

/** @throws Error when the process fails or takes longer than `timeoutMs` */
export function roundsInProcess(request: RoundsRequest, timeoutMs: number): Promise<RoundsResult> {
  return new Promise((done, reject) => {
    const child = fork(processModule("src/bench/cpu/rounds-child.ts"), {
      execArgv: process.execArgv,
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`a run took longer than ${Math.round(timeoutMs / 1000)} s`));
    }, timeoutMs);
    child.once("message", (message) => done(roundsResultSchema.parse(message)));
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`a run ended with ${signal ?? code} and no result`));
    });
    child.send({ ...request, file: resolve(request.file) });
  });
}

export interface Runs {
  readonly request: RoundsRequest;
  readonly runs: number;
  /** No run is begun after so many minutes. */
  readonly minutes: number;
  readonly say: (line: string) => void;
}

/** One process after the other, each on a quiet machine as far as we are concerned; fewer where time is over. */
export async function runsInProcesses({ request, runs, minutes, say }: Runs): Promise<RoundsResult[]> {
  const end = performance.now() + minutes * 60_000;
  const results: RoundsResult[] = [];
  while (results.length < runs && performance.now() < end) {
    say(`${request.variants.join(" and ")}: run ${results.length + 1} of ${runs}`);
    results.push(await roundsInProcess(request, 10 * 60_000));
  }
  if (results.length < runs) say(`${minutes} minutes are over: ${results.length} of ${runs} runs were made`);
  return results;
}
