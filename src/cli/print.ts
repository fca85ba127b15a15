import { message, messageLines, visibleLines } from "../model/printable.ts";

/** One line on stderr, whatever the text holds: see model/printable.ts. */
export function say(text: string): void {
  process.stderr.write(`${message(text)}\n`);
}

/** Several lines on stderr: a stack, or what another process printed. */
export function sayLines(text: string): void {
  process.stderr.write(`${messageLines(text)}\n`);
}

/** A text of ours on stdout, with names from elsewhere in it. */
export function print(text: string): void {
  process.stdout.write(visibleLines(text));
}

/** The same as a line. */
export function printLine(text = ""): void {
  print(`${text}\n`);
}
