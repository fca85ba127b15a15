import type { Readable } from "node:stream";
import { UserError } from "../model/errors.ts";
import { decodeUtf8, foreignEncoding } from "../model/utf8.ts";
import { STDIN_NAME } from "../report/names.ts";
import { readStdin, readWhole } from "./read-whole.ts";

/** More than this is refused before it is read: about 2.5 million tokens, far above any model here. */
export const MAX_DOCUMENT_BYTES = 8 * 2 ** 20;

export interface Document {
  readonly name: string;
  readonly text: string;
}

export interface DocumentSource {
  /** Where relative names start. */
  readonly folder: string;
  readonly stdin: Readable;
  readonly signal?: AbortSignal;
}

/**
 * Reads a document as UTF-8 text. A byte order mark is dropped, as editors do, so that positions agree with theirs.
 * @param file a path, or "-" for standard input
 * @throws UserError for whatever is not a text that can be profiled
 */
export async function readDocument(file: string, { stdin, ...where }: DocumentSource): Promise<Document> {
  const source = { ...where, limit: MAX_DOCUMENT_BYTES, what: "a document" };
  const name = file === "-" ? STDIN_NAME : file;
  const content = file === "-" ? await readStdin(stdin, source) : await readWhole(file, source);
  return { name, text: decode(content, name) };
}

/** @throws UserError when `content` is empty, binary, or not UTF-8 */
export function decode(content: Buffer, name: string): string {
  if (content.length === 0) throw new UserError(`${name} is empty. Give a file with text.`);
  if (foreignEncoding(content) === undefined && looksBinary(content)) {
    throw new UserError(`${name} is a binary file, not text`);
  }
  const text = decodeUtf8(content, name);
  if (text.trim() === "") throw new UserError(`${name} contains only whitespace. Give a file with text.`);
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
