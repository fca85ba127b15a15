import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { count } from "../../text/format.ts";
import { UserError } from "../errors.ts";
import { asUserError } from "../files.ts";

/** Bytes of a text, config.json or tokenizer.json; the largest tokenizers have some 30 MB. */
const LARGEST_TEXT = 2 ** 28;

/** A name of a file and whether it is read as a whole. */
export interface FolderFile {
  readonly name: string;
  readonly text: boolean;
}

/** @throws UserError when `folder` is none, lacks one of the files, or a text is larger than texts can be */
export async function checkFolder(folder: string, files: readonly FolderFile[]): Promise<void> {
  const path = resolve(folder);
  const content = files.map(({ name }) => name).join(", ");
  const found = await stat(path).catch((error: unknown) => {
    throw asUserError(error, path);
  });
  if (!found.isDirectory()) {
    throw new UserError(`${path} is not a folder; give the folder that holds ${content}.`);
  }
  for (const { name, text } of files) {
    const file = await stat(join(path, name)).catch((error: unknown) => {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!missing) throw asUserError(error, join(path, name));
    });
    if (!file?.isFile()) throw new UserError(`${path} holds no ${name}; a checkpoint is a folder of ${content}.`);
    if (text && file.size > LARGEST_TEXT) {
      throw new UserError(
        `${join(path, name)} has ${count(file.size)} bytes; at most ${count(LARGEST_TEXT)} are supported.`,
      );
    }
  }
}

/** The value of `key` in a JSON file that holds an object; undefined where there is none, or no such file. */
export async function peek(file: string, key: string): Promise<unknown> {
  try {
    if ((await stat(file)).size > LARGEST_TEXT) return undefined;
    const content: unknown = JSON.parse(await readFile(file, "utf8"));
    return content instanceof Object ? Object.entries(content).find(([name]) => name === key)?.[1] : undefined;
  } catch {
    return undefined;
  }
}
