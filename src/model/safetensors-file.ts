import type { Hash } from "node:crypto";
import type { Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { UserError } from "./errors.ts";
import { withFile } from "./files.ts";
import { convert, DTYPE_BYTES, findNotFinite, headerEnd, parseHeader, type TensorEntry } from "./safetensors.ts";
import { PIECE, valueCount, type LazyTensor, type Values } from "./tensor.ts";

/** A safetensors file of which the header was read: its tensors are read from it when somebody wants them. */
export class SafetensorsFile {
  readonly #path: string;
  /** How messages call it. */
  readonly #source: string;
  readonly #stats: Stats;
  /** In the order of their data. */
  readonly #entries: readonly TensorEntry[];

  private constructor(path: string, stats: Stats, entries: readonly TensorEntry[]) {
    this.#path = path;
    this.#source = basename(path);
    this.#stats = stats;
    this.#entries = entries;
  }

  /** @throws UserError naming the file and the tensor */
  static async open(path: string): Promise<SafetensorsFile> {
    return withFile(path, async (file) => {
      const source = basename(path);
      const stats = await file.stat();
      const first = new Uint8Array(Math.min(8, stats.size));
      await readInto(file, first, 0, source);
      const head = new Uint8Array(headerEnd(first, stats.size, source));
      await readInto(file, head, 0, source);
      return new SafetensorsFile(path, stats, parseHeader(head, stats.size, source));
    });
  }

  /** Its tensors by their names. */
  tensors(): Map<string, LazyTensor> {
    const lazy = (entry: TensorEntry): LazyTensor => {
      const { dtype, shape } = entry;
      return { dtype, shape, read: (out, from = 0) => this.#read(entry, out, from) };
    };
    return new Map(this.#entries.map((entry) => [entry.name, lazy(entry)]));
  }

  /**
   * Reads the file once, a piece at a time, into `hash`, and looks at every value.
   * @throws UserError for a value that is infinite or not a number, and where the file is not what it was
   */
  async verify(hash: Hash): Promise<void> {
    await this.#use(async (file) => {
      const piece = new ArrayBuffer(PIECE * DTYPE_BYTES.F32);
      const next = async (start: number, bytes: number): Promise<void> => {
        const into = new Uint8Array(piece, 0, bytes);
        await readInto(file, into, start, this.#source);
        hash.update(into);
      };
      const dataStart = this.#entries[0]?.start ?? this.#stats.size;
      for (let at = 0; at < dataStart; at += piece.byteLength) {
        await next(at, Math.min(piece.byteLength, dataStart - at));
      }
      // The entries leave no gap, so hashing them one by one hashes the file.
      for (const { name, dtype, shape, start } of this.#entries) {
        const total = valueCount(shape);
        for (let from = 0; from < total; from += PIECE) {
          const count = Math.min(PIECE, total - from);
          await next(start + from * DTYPE_BYTES[dtype], count * DTYPE_BYTES[dtype]);
          const found = findNotFinite(piece, dtype, count);
          if (found !== undefined) {
            throw new UserError(
              `${this.#source}: value ${from + found.at} of ${name} is ${found.value}. ` +
                "Training diverged or the file is damaged. Use another checkpoint.",
            );
          }
        }
      }
    });
  }

  async #read({ dtype, start }: TensorEntry, out: Values, from: number): Promise<void> {
    const width = DTYPE_BYTES[dtype];
    const asStored = dtype === (out instanceof Float32Array ? "F32" : "F16");
    await this.#use(async (file) => {
      if (asStored) {
        await readInto(
          file,
          new Uint8Array(out.buffer, out.byteOffset, out.byteLength),
          start + from * width,
          this.#source,
        );
        return;
      }
      const piece = new ArrayBuffer(Math.min(PIECE, out.length) * width);
      for (let at = 0; at < out.length; at += PIECE) {
        const into = out.subarray(at, at + PIECE);
        await readInto(file, new Uint8Array(piece, 0, into.length * width), start + (from + at) * width, this.#source);
        convert(piece, dtype, into);
      }
    });
  }

  /** Opens the file again. @throws UserError where it is not the one whose header was read */
  async #use(work: (file: FileHandle) => Promise<void>): Promise<void> {
    await withFile(this.#path, async (file) => {
      const { ino, size, mtimeMs } = await file.stat();
      const before = this.#stats;
      if (ino !== before.ino || size !== before.size || mtimeMs !== before.mtimeMs) {
        throw new UserError(`${this.#path} changed after the model was loaded. Try again.`);
      }
      await work(file);
    });
  }
}

/** Bytes a call reads at most: the system has limits of its own, some 2 GiB. */
const LARGEST_READ = 2 ** 26;

/** The file's bytes from `start` on, as many as there is room for. */
async function readInto(file: FileHandle, into: Uint8Array, start: number, source: string): Promise<void> {
  for (let done = 0; done < into.length;) {
    const { bytesRead } = await file.read(into, done, Math.min(LARGEST_READ, into.length - done), start + done);
    if (bytesRead === 0) throw new UserError(`${source} shrank while being read. Try again.`);
    done += bytesRead;
  }
}
