import os from "node:os";
import type { Limits } from "../engine/control-groups.ts";
import { ENGINES } from "../engine/registry.ts";
import type { PreparedDocument } from "./document.ts";
import type { ProfileRequest } from "./request.ts";

/** What a reader must know before believing the numbers. */
export function warnings(request: ProfileRequest, document: PreparedDocument, limits: Limits): string[] {
  const { model, engine } = request;
  const { maxContext } = model.architecture;
  const tokens = document.tokens.length;
  const said: string[] = [];
  if (document.report.truncation !== undefined) said.push(document.report.truncation);
  if (model.origin === "synthetic") {
    said.push(
      `The weights of ${model.name} are random: latency and memory are valid for its shape, the selection means nothing and no ` +
        "importance is shown.",
    );
  }
  if (tokens > maxContext) {
    said.push(
      `${tokens} tokens exceed the maximum of ${model.name} (${maxContext}): latency and memory are valid, importance ` +
        "is extrapolated.",
    );
  }
  const row = ENGINES.find(({ id }) => id === engine.info.id);
  if (row?.caveat !== undefined) said.push(row.caveat);
  const note = row?.note?.(engine.info.device);
  if (note !== undefined) said.push(note);
  if (engine.info.gpu?.software === true) {
    said.push(`${engine.info.device} runs on the CPU: its times say nothing about any GPU.`);
  }
  const throttled = quotaWarning(engine.info.threads, limits);
  if (throttled !== undefined) said.push(throttled);
  return said;
}

/** Threads that a container's CPU quota does not pay for are paused, all at once, until its next period begins. */
function quotaWarning(threads: number, { cpus }: Limits): string | undefined {
  if (cpus === undefined || cpus >= threads) return undefined;
  const cores = os.availableParallelism();
  return (
    `This container's CPU quota is ${Number(cpus.toFixed(2))} of ${cores} core${cores === 1 ? "" : "s"}, fewer than ` +
    `${threads === 1 ? "the one thread" : `the ${threads} threads`} used: the system pauses the run whenever the quota is ` +
    "used up, so times are longer and more scattered than this machine's."
  );
}
