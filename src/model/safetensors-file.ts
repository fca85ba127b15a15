import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { UserError } from "./errors.ts";
import { withFile } from "./files.ts";
import { headerEnd, parseHeader, toFloat32, type TensorEntry } from "./safetensors.ts";

export interface SafetensorsContent {
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** Of the whole file, in hexadecimal. */
  readonly sha256: string;
}

/** Bytes per read: one call reads at most 2 GiB, and a tensor may be larger. */
const CHUNK = 64 * 1024 * 1024;

/**
 * Reads all tensors of a file as float32, in one pass, tensor by tensor: the file is never in memory as a whole.
 *
 * @param accept is shown the entries before any data is read, and throws to refuse them
 * @throws UserError naming the file and the tensor
 */
export async function readSafetensors(
  path: string,
  accept: (entries: readonly TensorEntry[]) => void,
): Promise<SafetensorsContent> {
  return withFile(path, async (file) => {
    const source = basename(path);
    const hash = createHash("sha256");
    const { size } = await file.stat();
    const first = await readBytes(file, 0, Math.min(8, size), source);
    const head = await readBytes(file, 0, headerEnd(new Uint8Array(first), size, source), source);
    const entries = parseHeader(new Uint8Array(head), size, source);
    accept(entries);
    hash.update(new Uint8Array(head));
    // The entries are in file order and leave no gap, so hashing them one by one hashes the file.
    const tensors = new Map<string, Float32Array>();
    for (const { name, dtype, start, end } of entries) {
      const data = await readBytes(file, start, end, source);
      hash.update(new Uint8Array(data));
      tensors.set(name, toFloat32(data, dtype));
    }
    return { tensors, sha256: hash.digest("hex") };
  });
}

async function readBytes(file: FileHandle, start: number, end: number, source: string): Promise<ArrayBuffer> {
  const buffer = new ArrayBuffer(end - start);
  for (let at = start; at < end;) {
    const view = new Uint8Array(buffer, at - start, Math.min(CHUNK, end - at));
    const { bytesRead } = await file.read(view, 0, view.length, at);
    if (bytesRead === 0) throw new UserError(`${source} became shorter while it was read. Try again.`);
    at += bytesRead;
  }
  return buffer;
}
