import { close, constants, fstatSync, open, read } from "node:fs";
import { Socket } from "node:net";
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { messageOf, UserError } from "../model/errors.ts";
import { bytes } from "../text/format.ts";
import { STDIN_NAME } from "../report/names.ts";

export interface InputSource {
  /** Where relative names start. */
  readonly folder: string;
  /** More bytes are refused, before they are read where the size is known. */
  readonly limit: number;
  /** What the file should be, for messages: "a document". */
  readonly what: string;
  readonly signal?: AbortSignal;
}

// By number, not by FileHandle: a pipe's is handed to a socket, which closes it.
const opened = promisify(open);
const closed = promisify(close);
const readInto = promisify(read);

/** Windows has no such flag, and no files that would need it. */
const NON_BLOCKING = process.platform === "win32" ? 0 : constants.O_NONBLOCK;

/** A device that has nothing to read yet is asked again after this time. */
const POLL_MS = 20;

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist: part of its path is a file",
  EACCES: "cannot be read: permission denied",
  EPERM: "cannot be read: permission denied",
  ELOOP: "cannot be read: its symbolic links form a loop",
  ENAMETOOLONG: "cannot be read: the name is too long",
  ENXIO: "cannot be read: it is a socket or a device",
  EMFILE: "cannot be opened: too many open files (see `ulimit -n`)",
};

/**
 * Reads a file, pipe or device to its end. Nothing waits inside a system call, where no signal would reach it: all is
 * opened non-blocking, and an open or read that would wait ends when `signal` aborts, with its reason.
 * @throws UserError that names the file, when it cannot be read or is larger than the limit
 */
export async function readWhole(file: string, source: InputSource): Promise<Buffer> {
  const { limit, what, signal } = source;
  try {
    const fd = await opened(resolve(source.folder, file), constants.O_RDONLY | NON_BLOCKING);
    const stat = fstatSync(fd);
    // The event loop waits for the first writer of a named pipe, where open() or read() would hold a thread.
    if (stat.isFIFO()) return await gather(new Socket({ fd, readable: true, writable: false }), file, source);
    try {
      if (stat.isDirectory()) throw isDirectory(file, what);
      if (stat.isFile() && stat.size > limit) throw tooLarge(file, bytes(stat.size), source);
      // Not by size: devices have none, and a file may grow meanwhile.
      return await gather(Readable.from(chunks(fd, signal)), file, source);
    } finally {
      await closed(fd);
    }
  } catch (error) {
    throw explain(error, file, what);
  }
}

/** Reads standard input to its end. @throws like readWhole */
export async function readStdin(stdin: Readable & { readonly fd?: number }, source: InputSource): Promise<Buffer> {
  try {
    // Node reads a folder as if it were empty.
    if (stdin.fd !== undefined && fstatSync(stdin.fd).isDirectory()) throw isDirectory(STDIN_NAME, source.what);
    return await gather(stdin, STDIN_NAME, source);
  } catch (error) {
    throw explain(error, STDIN_NAME, source.what);
  }
}

/** What a file or device holds, bit by bit. */
async function* chunks(fd: number, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  for (;;) {
    signal?.throwIfAborted();
    const buffer = Buffer.allocUnsafe(2 ** 16);
    let length: number;
    try {
      length = (await readInto(fd, buffer, 0, buffer.length, null)).bytesRead;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      await pause(POLL_MS);
      continue;
    }
    if (length === 0) return;
    yield buffer.subarray(0, length);
  }
}

async function gather(stream: Readable, name: string, source: InputSource): Promise<Buffer> {
  const { limit, signal } = source;
  const parts: Buffer[] = [];
  let size = 0;
  const onAbort = (): void => void stream.destroy(signal?.reason as Error);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge(name, `more than ${bytes(limit)}`, source);
      parts.push(chunk);
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  return Buffer.concat(parts);
}

function tooLarge(name: string, size: string, { limit, what }: InputSource): UserError {
  return new UserError(`${name} is too large: ${size} (the maximum for ${what} is ${bytes(limit)})`);
}

function isDirectory(name: string, what: string): UserError {
  return new UserError(`${name} is a directory, not ${what}`);
}

/** Whatever the system says about a file is the user's to mend; everything else stays what it was. */
function explain(error: unknown, file: string, what: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === "EISDIR") return isDirectory(file, what);
  // Node.js makes this character of every byte of an argument that is not UTF-8.
  if (code === "ENOENT" && file.includes("\ufffd")) {
    return new UserError(`${file} does not exist, or its name is not UTF-8: rename it, or read it with "- < FILE"`);
  }
  const problem = PROBLEMS[code ?? ""];
  if (problem !== undefined) return new UserError(`${file} ${problem}`);
  return syscall === undefined ? error : new UserError(`${file} cannot be read: ${messageOf(error)}`);
}
