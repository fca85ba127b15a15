import type { SuiteEvent } from "./suite/events.ts";

/** A story's fate as a line (or, for a failure, a few) for people. */
export function lineOf(event: SuiteEvent): string | undefined {
  switch (event.event) {
    case "begin":
      return `  ${event.stories} stories`;
    case "start":
    case "end":
      return undefined;
    case "pass":
      return `  \u2714 ${event.title} (${event.milliseconds} ms)`;
    case "skip":
      return `  \u2013 ${event.title} (skipped)`;
    case "fail":
      return `  \u2716 ${event.title}\n    ${event.message.replaceAll("\n", "\n    ")}`;
    case "say":
      return `    ${event.text}`;
  }
}
