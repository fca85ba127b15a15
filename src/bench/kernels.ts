import { Command, Option } from "commander";
import { messageOf, UserError } from "../model/errors.ts";
import { measureRates } from "../engine/webgpu/ceilings.ts";
import type { GpuDevice } from "../engine/webgpu/device.ts";
import { GpuSession } from "../engine/webgpu/session.ts";
import { runBench } from "./kernels/bench.ts";
import { runCheck } from "./kernels/check.ts";
import { findBenches, findChecks } from "./kernels/find.ts";
import { bandwidth, bytes, matrixRate } from "../report/format.ts";
import { printLine as print, say } from "../cli/print.ts";

interface Options {
  readonly gpu?: string;
  readonly arithmetic?: "f32";
  readonly matrix?: "none" | "units" | "emulated";
  readonly seed: string;
  readonly repetitions: string;
  readonly match?: string;
}

const command = new Command("kernels")
  .description("Checks the GPU kernels against their float64 references, or times them; on one GPU.")
  .argument("<mode>", "check or bench")
  .argument("[ops...]", "folders of kernels/; all when none is named")
  .option("--gpu <name|index>", "the GPU to use; software ones only so")
  .addOption(new Option("--arithmetic <type>", "keep to 32-bit multiplication").choices(["f32"]))
  .addOption(
    new Option("--matrix <use>", "keep off matrix units, or emulate them").choices(["none", "units", "emulated"]),
  )
  .option("--seed <n>", "of the random inputs", String(Math.floor(Math.random() * 2 ** 31)))
  .option("--repetitions <n>", "timed runs", "20")
  .option("--match <text>", "only cases whose name holds this")
  .parse();
const [mode, ...ops] = command.args;
const options = command.opts<Options>();
const wanted = ({ name }: { readonly name: string }): boolean => name.includes(options.match ?? "");

try {
  if (mode !== "check" && mode !== "bench") throw new UserError(`"${mode ?? ""}" is no mode; there are: check, bench`);
  const session = await GpuSession.open({
    ...(options.gpu === undefined ? {} : { gpu: options.gpu }),
    ...(options.arithmetic === undefined ? {} : { arithmetic: options.arithmetic }),
    ...(options.matrix === undefined ? {} : { matrix: options.matrix }),
  });
  const { device } = session;
  const { traits, info } = device;
  print(
    `${device.adapter.name} (${device.adapter.backend}), ${info.description}; arithmetic ${traits.arithmetic}, matrix ${traits.matrix}`,
  );
  if (mode === "bench") await bench(device);
  else {
    await check(device);
    if (ops.includes("ceilings")) await rates(session);
  }
  session.close();
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  say(`kernels: ${error.message}`);
  process.exitCode = 2;
}

async function check(device: GpuDevice): Promise<void> {
  const seed = Number(options.seed);
  const counts = { passed: 0, skipped: 0, failed: 0 };
  let worst = 0;
  for (const [i, one] of (await findChecks(ops)).filter(wanted).entries()) {
    const outcome = await runCheck(device, one, seed + i).catch((error: unknown) => ({ failed: messageOf(error) }));
    if ("failed" in outcome) print(`FAILED ${one.name} (--seed ${seed + i} for the first case): ${outcome.failed}`);
    if ("skipped" in outcome) print(`skipped ${one.name}: ${outcome.skipped}`);
    if ("passed" in outcome) worst = Math.max(worst, outcome.worst);
    counts["failed" in outcome ? "failed" : "skipped" in outcome ? "skipped" : "passed"]++;
  }
  print(
    `${counts.passed} passed (largest error ${worst.toExponential(1)}), ${counts.skipped} skipped, ${counts.failed} failed; seed ${seed}`,
  );
  if (counts.failed > 0) process.exitCode = 1;
}

/** What floors are made of: the best that this device shows. */
async function rates(session: GpuSession): Promise<void> {
  const { arithmetic, reads, copy } = await measureRates(session);
  print("| the device shows | at best |");
  print("|---|---|");
  for (const { name, gflops } of arithmetic) print(`| ${name} | ${matrixRate(gflops)} |`);
  for (const read of reads) print(`| reads of ${bytes(read.bytes)} | ${bandwidth(read.GBps)} |`);
  print(`| copy of ${bytes(copy.bytes)}, read plus written | ${bandwidth(copy.GBps)} |`);
}

async function bench(device: GpuDevice): Promise<void> {
  print("| case | median ms | min | max | TFLOP/s | GB/s |");
  print("|---|---|---|---|---|---|");
  for (const one of (await findBenches(ops)).filter(wanted)) {
    const result = await runBench(device, one, Number(options.repetitions)).catch((error: unknown) => ({
      skip: messageOf(error),
    }));
    if ("skip" in result) {
      print(`| ${one.name} | ${result.skip} | | | | |`);
      continue;
    }
    const { medianMs, minMs, maxMs } = result.time;
    const [median, min, max] = [medianMs, minMs, maxMs].map((ms) => ms.toFixed(ms < 1 ? 4 : 2));
    print(`| ${result.name} | ${median} | ${min} | ${max} | ${result.tflops.toFixed(2)} | ${result.gbps.toFixed(0)} |`);
  }
}
