import { isUserError } from "../model/errors.ts";
import { message as printable, messageLines } from "../model/printable.ts";
import type { Cancelled } from "../runtime/runtime.ts";
import { messageHere, sentence } from "./failure-text.ts";
import type { Messages } from "./messages.ts";
import type { RuntimeOwner } from "./runtime-owner.ts";

// By name: one that comes from heavy.ts is made by a class of its own.
const CANCELLED: Cancelled["name"] = "Cancelled";

const LOG = "Show Log";
const AGAIN = "Try Again";

/** Where a failure is told. */
export interface FailurePlaces extends Pick<RuntimeOwner, "log"> {
  readonly messages: Messages;
  /** Shows it in the panel, where that is open. */
  readonly fail: (message: string) => void;
}

/** Says once what went wrong: what the user can mend as it is, the rest with ways to the log and to another try. */
export function tellFailure({ messages, log, fail }: FailurePlaces, error: unknown, again: () => void): void {
  if (error instanceof Error && error.name === CANCELLED) return;
  const message = printable(sentence(messageHere(error)));
  if (isUserError(error)) {
    void messages.error(message);
    return;
  }
  log.error(messageLines(error instanceof Error ? (error.stack ?? error.message) : String(error)));
  if (error instanceof Error && "printed" in error && error.printed !== "")
    log.error(messageLines(String(error.printed)));
  fail(message);
  void messages.error(`HySparse: ${message}`, LOG, AGAIN).then((chosen) => {
    if (chosen === LOG) log.show();
    if (chosen === AGAIN) again();
  });
}
