import { isUserError, messageOf, spoken } from "../model/errors.ts";
import { editorName } from "../model/setting-table.ts";

/** The message of anything that was thrown, with settings as the editor calls them. */
export function messageHere(error: unknown): string {
  return isUserError(error) && error.words !== undefined ? spoken(error.words, editorName) : messageOf(error);
}

/** "there is no model" as "There is no model." */
export function sentence(message: string): string {
  const text = message.trim();
  const end = /[.!?]$/u.test(text) ? "" : ".";
  return capitalized(text) + end;
}

/** A clause as it begins a line. */
export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
