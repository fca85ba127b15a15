import { inflateRawSync } from "node:zlib";

/** A file in a ZIP archive. */
export interface ZipEntry {
  readonly name: string;
  readonly compressedBytes: number;
  readonly bytes: number;
  /** The file's content. */
  read(): Buffer;
}

const END = 0x06054b50;
const END_BYTES = 22;
const LONGEST_COMMENT = 0xffff;
const CENTRAL = 0x02014b50;
const DEFLATED = 8;

/**
 * The files of a ZIP archive below 4 GiB, as vsce writes them: stored or deflated.
 * @throws Error when it is none
 */
export function zipEntries(archive: Buffer): ZipEntry[] {
  const end = endRecord(archive);
  const entries: ZipEntry[] = [];
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== CENTRAL) throw new Error("the archive's table of contents is broken");
    const method = archive.readUInt16LE(at + 10);
    const compressedBytes = archive.readUInt32LE(at + 20);
    const bytes = archive.readUInt32LE(at + 24);
    const nameBytes = archive.readUInt16LE(at + 28);
    const header = archive.readUInt32LE(at + 42);
    entries.push({
      name: archive.toString("utf8", at + 46, at + 46 + nameBytes),
      compressedBytes,
      bytes,
      read: () => {
        const start = header + 30 + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
        const content = archive.subarray(start, start + compressedBytes);
        return method === DEFLATED ? inflateRawSync(content) : content;
      },
    });
    at += 46 + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return entries;
}

function endRecord(archive: Buffer): number {
  const first = Math.max(0, archive.length - END_BYTES - LONGEST_COMMENT);
  for (let at = archive.length - END_BYTES; at >= first; at--) {
    if (archive.readUInt32LE(at) === END) return at;
  }
  throw new Error("this is no ZIP archive");
}
