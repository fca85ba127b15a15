/**
 * A mistake the user can mend: bad input, an impossible setting, a missing engine. The message names the thing and the
 * way out; it is shown as it is, without a stack trace, and the command line exits with code 2.
 */
export class UserError extends Error {
  override readonly name = "UserError";
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
