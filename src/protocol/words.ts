import { z } from "zod";
import { SETTINGS, type SettingName } from "../model/setting-table.ts";

const names = Object.keys(SETTINGS) as [SettingName, ...SettingName[]];

/** A message in pieces (model/errors.ts), as it crosses the border between processes. */
export const wordsSchema = z.array(
  z.union([
    z.string(),
    z.strictObject({ setting: z.enum(names), value: z.union([z.string(), z.number()]).exactOptional() }),
  ]),
);
