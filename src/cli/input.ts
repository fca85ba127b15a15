import { open } from "node:fs/promises";
import { resolve } from "node:path";
import type { Readable } from "node:stream";
import { UserError } from "../model/errors.ts";
import { decodeUtf8, foreignEncoding } from "../model/utf8.ts";
import { bytes } from "../report/format.ts";
import { STDIN_NAME } from "../report/names.ts";

/** More than this is refused before it is read: about 2.5 million tokens, far above any model here. */
export const MAX_DOCUMENT_BYTES = 8 * 2 ** 20;

export interface Document {
  readonly name: string;
  readonly text: string;
}

export interface InputSource {
  /** Where relative names start. */
  readonly folder: string;
  readonly stdin: Readable;
  readonly signal?: AbortSignal;
  readonly limit?: number;
}

/**
 * Reads a document as UTF-8 text. A byte order mark is dropped, as editors do, so that positions agree with theirs.
 * @param file a path, or "-" for standard input
 * @throws UserError for whatever is not a text that can be profiled
 */
export async function readDocument(file: string, source: InputSource): Promise<Document> {
  const limit = source.limit ?? MAX_DOCUMENT_BYTES;
  const name = file === "-" ? STDIN_NAME : file;
  const content =
    file === "-" ? await readStream(source.stdin, name, limit, source.signal) : await readFile(file, source, limit);
  return { name, text: decode(content, name) };
}

async function readFile(file: string, source: InputSource, limit: number): Promise<Buffer> {
  try {
    const handle = await open(resolve(source.folder, file), "r");
    try {
      const stat = await handle.stat();
      if (stat.isDirectory()) throw new UserError(`${file} is a directory, not a document`);
      if (stat.isFile() && stat.size > limit) throw tooLarge(file, limit, bytes(stat.size));
      // Not by size: pipes and devices have none, and a file may grow meanwhile.
      return await readStream(handle.createReadStream({ autoClose: false }), file, limit, source.signal);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw explain(error, file);
  }
}

async function readStream(stream: Readable, name: string, limit: number, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  const onAbort = (): void => void stream.destroy(signal?.reason as Error);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw tooLarge(name, limit, `more than ${bytes(limit)}`);
      chunks.push(chunk);
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  return Buffer.concat(chunks);
}

function tooLarge(name: string, limit: number, size: string): UserError {
  return new UserError(`${name} is too large: ${size}, and a document may have at most ${bytes(limit)}`);
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist: a part of its path is a file",
  EACCES: "may not be read: permission denied",
  EPERM: "may not be read: permission denied",
  EISDIR: "is a directory, not a document",
  ELOOP: "cannot be reached: its links go round in a circle",
  ENAMETOOLONG: "cannot exist: the name is too long",
  ENXIO: "cannot be read: it is a socket or a device",
};

function explain(error: unknown, file: string): unknown {
  const problem = PROBLEMS[(error as NodeJS.ErrnoException).code ?? ""];
  return problem === undefined ? error : new UserError(`${file} ${problem}`);
}

/** @throws UserError when `content` is empty, binary, or not UTF-8 */
export function decode(content: Buffer, name: string): string {
  if (content.length === 0) throw new UserError(`${name} is empty`);
  if (foreignEncoding(content) === undefined && looksBinary(content)) {
    throw new UserError(`${name} is a binary file, not text`);
  }
  const text = decodeUtf8(content, name);
  if (text.trim() === "") throw new UserError(`${name} holds nothing but white space`);
  return text;
}

/** NUL bytes, or more than a tenth control characters at the start, do not occur in text. */
function looksBinary(content: Buffer): boolean {
  if (content.includes(0)) return true;
  const head = content.subarray(0, 2 ** 16);
  let controls = 0;
  for (const byte of head) {
    const usual = byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d || byte === 0x1b;
    if (byte < 0x20 && !usual) controls++;
  }
  return controls > head.length / 10;
}
