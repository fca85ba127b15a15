import { isUtf8 } from "node:buffer";
import { UserError } from "./errors.ts";

const UNIT_BYTES = { "UTF-16": 2, "UTF-32": 4 } as const;

/** An encoding of text that nothing here reads. */
export type ForeignEncoding = keyof typeof UNIT_BYTES;

/** So much of a file is looked at to tell its encoding. A multiple of every unit. */
const HEAD_BYTES = 2 ** 16;

/**
 * The text of a UTF-8 file without its byte order mark, which editors drop, too, and JSON does not allow.
 * @param name how messages call the file
 * @throws UserError that names another encoding and the way out, or the first byte that is not UTF-8
 */
export function decodeUtf8(bytes: Uint8Array, name: string): string {
  const foreign = foreignEncoding(bytes);
  if (foreign !== undefined) throw new UserError(`${name} is ${foreign} text: ${wayOut(foreign)}`);
  if (!isUtf8(bytes)) throw new UserError(`${name} is not valid UTF-8: ${firstInvalid(bytes)}`);
  return new TextDecoder("utf-8").decode(bytes);
}

function wayOut(encoding: ForeignEncoding): string {
  return (
    `save it as UTF-8, in VS Code with "Save with Encoding", in a shell with "iconv -f ${encoding} -t UTF-8"` +
    (encoding === "UTF-16" ? `, in PowerShell 5.1 with "| Out-File -Encoding utf8" in place of ">"` : "")
  );
}

/**
 * UTF-16 or UTF-32, by the byte order mark or, without one, because the bytes make sense as nothing else: they hold zero
 * bytes, which text in UTF-8 does not, and read as units of two or four bytes all of them are characters of text.
 */
export function foreignEncoding(bytes: Uint8Array): ForeignEncoding | undefined {
  const [a, b, c, d] = bytes;
  const marked16 = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  const marked32 = (a === 0xff && b === 0xfe && c === 0 && d === 0) || (a === 0 && b === 0 && c === 0xfe && d === 0xff);
  // UTF-32's little-endian mark is also UTF-16's before a U+0000, with which no text begins.
  if (marked32) return "UTF-32";
  if (marked16) return "UTF-16";
  const head = bytes.subarray(0, HEAD_BYTES);
  const zeros = head.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
  // A stray zero in what is UTF-8 otherwise would pair up to rare but possible characters.
  if (zeros === 0 || (zeros < head.length / 8 && isUtf8(bytes))) return undefined;
  return (["UTF-32", "UTF-16"] as const).find(
    (encoding) => isText(units(head, encoding, true)) || isText(units(head, encoding, false)),
  );
}

/** Code units as a string; undefined where some are none. An incomplete last one is left out. */
function units(head: Uint8Array, encoding: ForeignEncoding, little: boolean): string | undefined {
  const size = UNIT_BYTES[encoding];
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  let text = "";
  for (let at = 0; at + size <= head.length; at += size) {
    const unit = size === 2 ? view.getUint16(at, little) : view.getUint32(at, little);
    if (unit > 0x10ffff) return undefined;
    text += size === 2 ? String.fromCharCode(unit) : String.fromCodePoint(unit);
  }
  // The head may end in the middle of a surrogate pair.
  return text.replace(/[\uD800-\uDBFF]$/u, "");
}

/** Nothing but characters of text: no controls but white space, nothing unassigned or private, no half pairs. */
function isText(text: string | undefined): boolean {
  return text !== undefined && text !== "" && !/[^\P{C}\s\p{Cf}]/u.test(text);
}

/** Where the first malformed character starts, as a byte and a line. */
function firstInvalid(content: Uint8Array): string {
  // The shortest beginning in which a decoder that expects more to come already sees the fault, found by halving.
  let good = 0;
  let bad = content.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (couldGoOn(content.subarray(0, middle))) good = middle;
    else bad = middle;
  }
  // The fault shows at the byte after `good`; the character it spoils may have begun up to three bytes earlier.
  let start = good;
  while (!isUtf8(content.subarray(0, start))) start--;
  const line = content.subarray(0, start).filter((byte) => byte === 0x0a).length + 1;
  const value = content[start]!.toString(16).padStart(2, "0");
  return `byte ${start.toLocaleString("en-US")} (0x${value}) in line ${line.toLocaleString("en-US")}`;
}

function couldGoOn(beginning: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(beginning, { stream: true });
    return true;
  } catch {
    return false;
  }
}
