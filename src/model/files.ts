import { open, readFile, type FileHandle } from "node:fs/promises";
import { UserError } from "./errors.ts";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist: check the path",
  ENOTDIR: "does not exist: check the path",
  EACCES: "may not be read: check its permissions",
  EPERM: "may not be read: check its permissions",
  EISDIR: "is a folder, not a file",
};

/** Turns a failure to read `path` into a UserError; anything else stays what it was. */
export function asUserError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = REASONS[code];
  return reason === undefined ? error : new UserError(`${path} ${reason}.`);
}

/** @throws UserError when the file is missing or may not be read */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw asUserError(error, path);
  }
}

/** Opens a file for reading, hands it to `use`, and closes it. */
export async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw asUserError(error, path);
  }
  try {
    return await use(file);
  } catch (error) {
    throw asUserError(error, path);
  } finally {
    await file.close();
  }
}
