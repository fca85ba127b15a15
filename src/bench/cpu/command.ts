import { Command, InvalidArgumentError } from "commander";
import type { RoundsRequest, RoundsResult } from "./rounds-process.ts";

export interface ProcessOptions {
  readonly runs: number;
  readonly minutes: number;
  readonly file: string;
  readonly engine: string;
  readonly decode: number;
  readonly repetitions: "auto" | number;
}

const whole = (text: string): number => {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("It must be a whole number of at least 1.");
  return Number(text);
};

/** The options that both benches of whole processes share. To pin them to cores: taskset -c 0,1 npm run ... */
export function processCommand(name: string, description: string, runs: number): Command {
  return new Command(name)
    .description(description)
    .option("--runs <n>", "processes of each kind", whole, runs)
    .option("--minutes <n>", "begin no process of a kind after so long", whole, 60)
    .option("--file <file>", "the document", "media/samples/design-note.md")
    .option("--engine <id>", "cpu, webgpu or reference", "cpu")
    .option("--decode <n>", "tokens of a decode batch", whole, 16)
    .option(
      "--repetitions <n>",
      "rounds; auto as in a profile",
      (text) => (text === "auto" ? text : whole(text)),
      "auto",
    );
}

export function requestOf(options: ProcessOptions, variants: RoundsRequest["variants"]): RoundsRequest {
  const { engine, file, decode: decodeTokens, repetitions } = options;
  return { engine, model: "embedded", file, variants, decodeTokens, repetitions };
}

/** Date, machine and document under a table. */
export function whereText(results: readonly RoundsResult[], options: ProcessOptions): string {
  const [first] = results;
  const { file, engine, repetitions, decode } = options;
  return (
    `${new Date().toISOString().slice(0, 10)}, ${first?.device ?? "nothing ran"}, ${first?.threads ?? 0} threads, ${engine} ` +
    `engine, node ${process.versions.node}, ${file} (${first?.tokens ?? 0} tokens), ${repetitions} rounds, batches of ${decode}.`
  );
}
