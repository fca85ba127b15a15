import { messageOf, type UserError } from "../model/errors.ts";
import { message as printable, messageLines } from "../model/printable.ts";
import type { Cancelled } from "../runtime/runtime.ts";
import { inSettings, sentence } from "./failure-text.ts";
import type { Host } from "./host.ts";

// By name: those that come from heavy.ts are made by classes of their own.
const CANCELLED: Cancelled["name"] = "Cancelled";
const USER_ERROR: UserError["name"] = "UserError";

const LOG = "Show Log";
const AGAIN = "Try Again";

/** Says once what went wrong: what the user can mend as it is, the rest with ways to the log and to another try. */
export function tellFailure(host: Host, error: unknown, again: () => void): void {
  const name = error instanceof Error ? error.name : "";
  if (name === CANCELLED) return;
  const message = printable(sentence(inSettings(messageOf(error))));
  if (name === USER_ERROR) {
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
