import { close, constants, fstatSync, open, write } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { explain, type Output } from "./output.ts";
import type { Written } from "./commit.ts";

const opened = promisify(open);
const closed = promisify(close);
const writeFrom = promisify(write);

/** A reader that is slow, or not there yet, is asked again after this time. */
const POLL_MS = 5;

/**
 * Writes to pipes, devices and descriptors, in order and straight. Waiting for a reader ends when `signal` aborts, with its
 * reason; a reader that goes away has seen enough.
 * @throws UserError that begins with the output's label
 */
export async function pour({ output, content }: Written, signal?: AbortSignal): Promise<void> {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  try {
    const end = await writingEnd(output, signal);
    try {
      await writeAll(end.fd, bytes, signal);
    } finally {
      if (end.own) await closed(end.fd);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") throw explain(output.label, error);
  }
}

async function writingEnd(
  { way }: Output,
  signal: AbortSignal | undefined,
): Promise<{ readonly fd: number; readonly own: boolean }> {
  if (way.kind === "stream") return { fd: await openWaiting(way.path, signal), own: true };
  if (way.kind !== "descriptor") throw new TypeError(`a plain file is committed, not poured: ${way.path}`);
  const { fd } = way;
  const stats = fstatSync(fd);
  // A second opening of a pipe can be made non-blocking without doing so to whoever else holds the first.
  if (!stats.isFIFO() && !stats.isCharacterDevice()) return { fd, own: false };
  try {
    return { fd: await opened(`/dev/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK), own: true };
  } catch {
    return { fd, own: false };
  }
}

/** Opens for writing; a named pipe that nobody reads yet is waited for. */
async function openWaiting(path: string, signal: AbortSignal | undefined): Promise<number> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await opened(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENXIO") throw error;
      await pause(POLL_MS);
    }
  }
}

async function writeAll(fd: number, bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    signal?.throwIfAborted();
    try {
      at += (await writeFrom(fd, bytes, at, bytes.length - at, null)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      await pause(POLL_MS);
    }
  }
}
