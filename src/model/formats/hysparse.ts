import { join } from "node:path";
import { peek } from "./folder.ts";
import type { CheckpointFormat } from "./format.ts";
import { CONFIG, FILES } from "./hysparse-files.ts";

/** The format of our own training: a folder whose config.json says "hysparse". Version 1. */
export const hysparse: CheckpointFormat = {
  id: "hysparse",
  title: `a HySparse checkpoint, a folder of ${FILES.map(({ name }) => name).join(", ")}`,
  files: (path) => FILES.map(({ name }) => join(path, name)),
  matches: async (path) => (await peek(join(path, CONFIG), "format")) === "hysparse",
  open: async (path) => (await import("./hysparse-folder.ts")).openHysparse(path),
};
