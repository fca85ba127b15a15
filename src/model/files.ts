import { open, readFile, type FileHandle } from "node:fs/promises";
import { UserError } from "./errors.ts";
import { decodeUtf8 } from "./utf8.ts";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist: check the path",
  ELOOP: "is a circle of links: download the file again",
  ENOTDIR: "does not exist: check the path",
  EACCES: "cannot be read: check its permissions",
  EPERM: "cannot be read: check its permissions",
  EISDIR: "is a folder, not a file",
  EMFILE: "cannot be opened: too many open files (see `ulimit -n`)",
  ENFILE: "cannot be opened: too many open files on this system",
};

/** Turns a failure to read `path` into a UserError; anything else stays what it was. */
export function asUserError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const reason = REASONS[code];
  return reason === undefined ? error : new UserError(`${path} ${reason}.`);
}

/** Text of a UTF-8 file, without a byte order mark. @throws UserError when it is missing, may not be read, or is no UTF-8 */
export async function readText(path: string): Promise<string> {
  let content: Buffer;
  try {
    content = await readFile(path);
  } catch (error) {
    throw asUserError(error, path);
  }
  return decodeUtf8(content, path);
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
