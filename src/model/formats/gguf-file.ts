import { closeSync, openSync, readSync, statSync } from "node:fs";
import { UserError } from "../errors.ts";
import { asUserError } from "../files.ts";
import { toHalves } from "../float16.ts";
import { KnownFile, readInto } from "../known-file.ts";
import { PIECE, valueCount, type LazyTensor, type Values } from "../tensor.ts";
import { readGgufHeader, type GgufHeader, type GgufTensor } from "./gguf-header.ts";

/** A GGUF file of which the header was read: its tensors are read and unpacked when somebody wants them. */
export class GgufFile {
  readonly header: GgufHeader;
  readonly #path: string;
  readonly #file: KnownFile;

  private constructor(path: string, file: KnownFile, header: GgufHeader) {
    this.#path = path;
    this.#file = file;
    this.header = header;
  }

  /** @throws UserError naming the file and what is wrong */
  static open(path: string): GgufFile {
    try {
      const stats = statSync(path);
      if (!stats.isFile()) throw new UserError(`${path} is no file; give a GGUF file.`);
      const file = openSync(path, "r");
      try {
        const readAt = (into: Uint8Array, at: number): void => {
          for (let done = 0; done < into.length;) {
            const bytes = readSync(file, into, done, into.length - done, at + done);
            if (bytes === 0) throw new UserError(`${path} shrank while being read. Try again.`);
            done += bytes;
          }
        };
        return new GgufFile(path, new KnownFile(path, stats), readGgufHeader(readAt, stats.size, path));
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw asUserError(error, path);
    }
  }

  /**
   * A tensor's values, unpacked when they are read.
   * @param headDim of projections whose rows pair neighbours for RoPE: they come in the order that pairs the halves of a head
   */
  tensor(tensor: GgufTensor, headDim?: number): LazyTensor {
    const { shape, type } = tensor;
    return { dtype: type.name, shape, read: (out, from = 0) => this.#read(tensor, out, from, headDim) };
  }

  async #read(
    { type, shape, start }: GgufTensor,
    out: Values,
    from: number,
    headDim: number | undefined,
  ): Promise<void> {
    const width = shape.at(-1)!;
    const rows = valueCount(shape) / width;
    const rowBytes = (width / type.values) * type.bytes;
    // Rows that change places stay within their head, so heads are read as a whole.
    const unit = headDim ?? 1;
    const step = Math.max(unit, Math.floor(PIECE / width / unit) * unit);
    const first = Math.floor(from / width / unit) * unit;
    const end = from + out.length;
    const row = new Float32Array(width);
    await this.#file.use(async (file) => {
      const piece = new Uint8Array(Math.min(step, rows) * rowBytes);
      for (let at = first; at * width < end; at += step) {
        const count = Math.min(step, rows - at);
        const bytes = piece.subarray(0, count * rowBytes);
        await readInto(file, bytes, start + at * rowBytes, this.#path);
        if (headDim === undefined && out instanceof Float32Array && at * width >= from && (at + count) * width <= end) {
          type.dequantize(bytes, 0, out.subarray(at * width - from, (at + count) * width - from));
          continue;
        }
        for (let i = 0; i < count; i++) {
          const begin = (at + i) * width - from;
          if (begin + width <= 0 || begin >= out.length) continue;
          const source = headDim === undefined ? i : interleaved(i, headDim);
          type.dequantize(bytes, source * rowBytes, row);
          const part = row.subarray(Math.max(0, -begin), Math.min(width, out.length - begin));
          const into = out.subarray(Math.max(0, begin), Math.max(0, begin) + part.length);
          if (into instanceof Float32Array) into.set(part);
          else toHalves(part, into);
        }
      }
    });
  }
}

/** The row of a file that pairs neighbours, 2 i and 2 i + 1, for a row of ours, which pairs i and i + d / 2. */
function interleaved(row: number, headDim: number): number {
  const within = row % headDim;
  const half = headDim / 2;
  return row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
}
