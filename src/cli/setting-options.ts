import { InvalidArgumentError, Option } from "commander";
import { z } from "zod";
import { SETTINGS, type SettingFacts, type SettingName } from "../model/setting-table.ts";
import { chosenSchema, placeSchema, type Chosen, type Place } from "../protocol/settings.ts";
import { count } from "../text/format.ts";

/** The names that settings have among commander's values: "decode" for decodeTokens. */
const NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(SETTINGS).map(([name, { option }]) => [new Option(option).attributeName(), name]),
);

/**
 * The option of a setting, with the name, bounds and default that the table has for it.
 * @param value how help calls what comes after it: "<n>"; empty where nothing does
 */
export function settingOption(
  name: SettingName,
  value: string,
  description: string,
  parse?: (text: string, before: unknown) => unknown,
): Option {
  const { option, least, most, choices, default: unsaid }: SettingFacts = SETTINGS[name];
  const made = new Option(`${option} ${value}`.trim(), description);
  if (choices !== undefined) made.choices(choices);
  else if (parse !== undefined) made.argParser(parse);
  else if (least !== undefined && most !== undefined) made.argParser(within(least, most));
  return unsaid === undefined ? made : made.default(unsaid);
}

/** The settings among commander's values. */
export function settingsIn(values: object): { readonly place: Place; readonly chosen: Chosen } {
  const settings = Object.fromEntries(
    Object.entries(values).flatMap(([attribute, value]: [string, unknown]) => {
      const name = NAMES.get(attribute);
      return name === undefined ? [] : [[name, value] as const];
    }),
  );
  // Each takes its own.
  return {
    place: z.object(placeSchema.shape).parse(settings),
    chosen: z.object(chosenSchema.shape).parse(settings),
  };
}

/** What is left of commander's values. */
export function withoutSettings<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([attribute]) => !NAMES.has(attribute))) as T;
}

/** Plain decimal digits only: "1e3", "0x10", "2.0" and "" are refused like "-1". */
export function within(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Must be a whole number from ${count(least)} to ${count(most)}.`);
    }
    return value;
  };
}
