import { isUserError } from "../model/errors.ts";
import { message as printable, messageLines } from "../model/printable.ts";
import type { Cancelled } from "../runtime/runtime.ts";
import { messageHere, sentence } from "./failure-text.ts";
import type { Host } from "./host.ts";

// By name: one that comes from heavy.ts is made by a class of its own.
const CANCELLED: Cancelled["name"] = "Cancelled";

const LOG = "Show Log";
const AGAIN = "Try Again";

/** Says once what went wrong: what the user can mend as it is, the rest with ways to the log and to another try. */
export function tellFailure(host: Host, error: unknown, again: () => void): void {
  if (error instanceof Error && error.name === CANCELLED) return;
  const message = printable(sentence(messageHere(error)));
  if (isUserError(error)) {
    void host.messages.error(message);
    return;
  }
  const { log } = host.runtime;
  log.error(messageLines(error instanceof Error ? (error.stack ?? error.message) : String(error)));
  if (error instanceof Error && "printed" in error && error.printed !== "")
    log.error(messageLines(String(error.printed)));
  host.panel.page?.fail(message);
  void host.messages.error(`HySparse: ${message}`, LOG, AGAIN).then((chosen) => {
    if (chosen === LOG) log.show();
    if (chosen === AGAIN) again();
  });
}
