import type { Hash } from "node:crypto";
import { basename } from "node:path";
import { UserError } from "./errors.ts";
import { withFile } from "./files.ts";
import { KnownFile, readInto } from "./known-file.ts";
import { convert, DTYPE_BYTES, findNotFinite, headerEnd, parseHeader, type TensorEntry } from "./safetensors.ts";
import { PIECE, valueCount, type LazyTensor, type Values } from "./tensor.ts";

/** A safetensors file of which the header was read: its tensors are read from it when somebody wants them. */
export class SafetensorsFile {
  readonly #file: KnownFile;
  /** How messages call it. */
  readonly #source: string;
  /** In bytes. */
  readonly #size: number;
  /** In the order of their data. */
  readonly #entries: readonly TensorEntry[];

  private constructor(file: KnownFile, source: string, size: number, entries: readonly TensorEntry[]) {
    this.#file = file;
    this.#source = source;
    this.#size = size;
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
      return new SafetensorsFile(new KnownFile(path, stats), source, stats.size, parseHeader(head, stats.size, source));
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
    await this.#file.use(async (file) => {
      const piece = new ArrayBuffer(PIECE * DTYPE_BYTES.F32);
      const next = async (start: number, bytes: number): Promise<void> => {
        const into = new Uint8Array(piece, 0, bytes);
        await readInto(file, into, start, this.#source);
        hash.update(into);
      };
      const dataStart = this.#entries[0]?.start ?? this.#size;
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
    await this.#file.use(async (file) => {
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
}
