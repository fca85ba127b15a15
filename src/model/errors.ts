import { optionName, type SettingName } from "./setting-table.ts";

/** A setting that a message names, with the value that it speaks of. */
export interface NamedSetting {
  readonly setting: SettingName;
  readonly value?: string | number;
}

/** A message in pieces: whoever shows it calls settings what its readers do. */
export type Words = readonly (string | NamedSetting)[];

/** Words from a template, in which settings stand as they are: words`use fewer tokens (${{ setting: "maxTokens" }})`. */
export function words(
  texts: TemplateStringsArray,
  ...values: readonly (string | number | NamedSetting | Words)[]
): Words {
  return texts.flatMap((text, i) => {
    const value = values[i] ?? "";
    return typeof value === "object" ? [text, value].flat() : `${text}${value}`;
  });
}

/** Words as a text. */
export function spoken(parts: Words, nameOf: (setting: SettingName) => string): string {
  return parts
    .map((part) => {
      if (typeof part === "string") return part;
      const name = nameOf(part.setting);
      return part.value === undefined ? name : `${name} ${part.value}`;
    })
    .join("");
}

/**
 * A mistake the user can mend: bad input, an impossible setting, a missing engine. The message names the thing and the
 * way out; it is shown as it is, without a stack trace, and the command line exits with code 2.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  /** The message where it names settings; `message` calls them by the command line's options. */
  readonly words: Words | undefined;

  constructor(message: string | Words) {
    super(typeof message === "string" ? message : spoken(message, optionName));
    this.words = typeof message === "string" ? undefined : message;
  }
}

/** Whether it is one, of this bundle's class or another's. */
export function isUserError(error: unknown): error is UserError {
  return error instanceof Error && error.name === "UserError";
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
