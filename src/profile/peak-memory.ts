import { fork } from "node:child_process";
import { z } from "zod";
import { VARIANTS, type Variant } from "../engine/engine.ts";
import { UserError, words } from "../model/errors.ts";
import { processModule } from "../model/package-root.ts";
import type { PeakMeasurement } from "./request.ts";

/** What the child needs to build the same run. */
export const peakRequestSchema = z.strictObject({
  engine: z.string(),
  model: z.string(),
  variant: z.enum(VARIANTS),
  designs: z.array(z.string()).optional().describe("with their parameters, as they were asked for"),
  tokens: z.array(z.int().nonnegative()),
  chunk: z.int().positive().optional(),
  threads: z.int().positive().optional().describe("of the CPU engine"),
});

export type PeakRequest = z.infer<typeof peakRequestSchema>;

const peakReplySchema = z.strictObject({ peakBytes: z.int().positive() });

/**
 * Measures peak resident memory in a process of its own per variant: within one process, what an earlier variant's
 * allocator kept would be counted for the later ones. The child prefills the tokens and decodes one.
 */
export function peakMeasurement(
  engine: string,
  model: string,
  { chunk, threads, designs }: Pick<PeakRequest, "chunk" | "threads"> & { readonly designs?: readonly string[] } = {},
): PeakMeasurement {
  return (variant: Variant, tokens: Uint32Array, signal?: AbortSignal) =>
    new Promise((resolve, reject) => {
      const child = fork(processModule("src/profile/peak-memory-child.ts"), {
        stdio: ["ignore", "ignore", "pipe", "ipc"],
      });
      let complaint = "";
      const stop = (): void => {
        child.kill("SIGKILL");
      };
      signal?.addEventListener("abort", stop, { once: true });
      child.stderr?.on("data", (data: Buffer) => {
        complaint = (complaint + data.toString()).slice(-2000);
      });
      child.once("message", (message) => {
        resolve(peakReplySchema.parse(message).peakBytes);
      });
      child.once("error", reject);
      child.once("exit", (code, killed) => {
        signal?.removeEventListener("abort", stop);
        if (signal?.aborted === true) reject(signal.reason instanceof Error ? signal.reason : new Error("cancelled"));
        const how = killed === null ? `exit code ${String(code)}` : `signal ${killed}`;
        // After a reply the promise is settled and this is ignored.
        reject(
          new UserError(
            words`the process that measures the peak memory of ${variant} ended with ${how}; the machine may be out of memory (${{ setting: "maxTokens" }} makes it smaller)${pointOf(complaint)}`,
          ),
        );
      });
      const request: PeakRequest = {
        engine,
        model,
        variant,
        tokens: [...tokens],
        ...(designs === undefined ? {} : { designs: [...designs] }),
        ...(chunk === undefined ? {} : { chunk }),
        ...(threads === undefined ? {} : { threads }),
      };
      if (signal?.aborted === true) stop();
      else child.send(request);
    });
}

/** Of what a process complained about, the line to show after a message: the error's own, before its stack and Node's signature. */
function pointOf(complaint: string): string {
  const lines = complaint.trim().split("\n");
  const line = lines.find((line) => /error:/i.test(line)) ?? lines.at(-1) ?? "";
  return line === "" ? "" : `. ${line}`;
}
