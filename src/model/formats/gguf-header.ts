import { UserError } from "../errors.ts";
import { GGML_TYPES, type GgmlType } from "./gguf-blocks.ts";

/** A value of a file's metadata. Integers of 64 bits are numbers where they are exact. */
export type Metadata = string | number | boolean | readonly Metadata[];

export interface GgufTensor {
  readonly name: string;
  readonly type: GgmlType;
  /** Row-major, as everywhere here; a file lists the fastest dimension first. */
  readonly shape: readonly number[];
  /** Position in the file, [start, end) in bytes. */
  readonly start: number;
  readonly end: number;
}

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, Metadata>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** Fills `into` with bytes of a file from `at` on; they are there. */
export type ReadAt = (into: Uint8Array, at: number) => void;

const MOST_TENSORS = 65_536;
const MOST_ENTRIES = 65_536;
/** Tokens and merges of the largest vocabularies take some 15 MB. */
const LARGEST_HEADER = 2 ** 28;
/** Characters of a string, and values of an array. */
const MOST_VALUES = 2 ** 24;
const MOST_DIMENSIONS = 4;
const WINDOW = 2 ** 20;
const ALIGNMENT = 32;

const DAMAGED = "The file is damaged or not a GGUF file: copy or convert it again.";

/** Bytes of metadata types by their numbers; strings (8) and arrays (9) have lengths of their own. */
const SCALARS: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};
const STRING = 8;
const ARRAY = 9;

/**
 * Reads what stands before the data. Nothing in it is believed: every length is held against the bytes that are left before
 * anything is made of it.
 *
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian.
 * @param source how to call the file in messages
 * @throws UserError naming the file and what is wrong
 */
export function readGgufHeader(readAt: ReadAt, fileBytes: number, source: string): GgufHeader {
  const refuse = (why: string, wayOut: string = DAMAGED): never => {
    throw new UserError(`${source}${why}. ${wayOut}`);
  };
  const reader = new Reader(readAt, fileBytes, refuse);
  if (reader.text(4) !== "GGUF") refuse(" does not begin with GGUF");
  const version = reader.number(4);
  if (version !== 2 && version !== 3) {
    const swapped = version === 0x0200_0000 || version === 0x0300_0000;
    refuse(
      swapped ? " is big-endian" : ` is of version ${version} of the format`,
      "Little-endian files of the versions 2 and 3 are read: convert the model again.",
    );
  }
  const tensorCount = reader.count("tensors", MOST_TENSORS, 24);
  const entryCount = reader.count("entries of metadata", MOST_ENTRIES, 13);
  const metadata = new Map<string, Metadata>();
  for (let i = 0; i < entryCount; i++) {
    const key = reader.string();
    if (metadata.has(key)) refuse(` holds the metadata ${shown(key)} twice`);
    metadata.set(key, reader.value(reader.number(4)));
  }
  const claimed = Array.from({ length: tensorCount }, () => reader.tensor());
  return { metadata, tensors: placed(claimed, alignment(metadata, refuse), reader.at, fileBytes, refuse) };
}

type Refuse = (why: string, wayOut?: string) => never;

interface Claimed extends Omit<GgufTensor, "start" | "end"> {
  readonly offset: number;
  readonly bytes: number;
}

/** The tensors where they lie: inside the file, none over another. */
function placed(
  claimed: readonly Claimed[],
  step: number,
  headerEnd: number,
  fileBytes: number,
  refuse: Refuse,
): Map<string, GgufTensor> {
  const base = Math.ceil(headerEnd / step) * step;
  const tensors = new Map<string, GgufTensor>();
  let reached = base;
  let before = "the header";
  for (const { name, type, shape, offset, bytes } of claimed.toSorted((a, b) => a.offset - b.offset)) {
    const start = base + offset;
    const end = start + bytes;
    if (offset % step !== 0) refuse(`: tensor ${shown(name)} begins at no multiple of ${step}`);
    if (end > fileBytes) refuse(`: tensor ${shown(name)} reaches ${end - fileBytes} bytes beyond the end of the file`);
    if (start < reached) refuse(`: tensor ${shown(name)} overlaps ${shown(before)}`);
    if (tensors.has(name)) refuse(` holds the tensor ${shown(name)} twice`);
    tensors.set(name, { name, type, shape, start, end });
    reached = end;
    before = name;
  }
  return tensors;
}

function alignment(metadata: ReadonlyMap<string, Metadata>, refuse: Refuse): number {
  const value = metadata.get("general.alignment") ?? ALIGNMENT;
  if (typeof value !== "number" || value < 8 || value > 65_536 || value % 8 !== 0) {
    return refuse(`: general.alignment is ${shown(String(value))}, and a multiple of 8 is wanted`);
  }
  return value;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}

/** Reads values one after the other through a window on the file. */
class Reader {
  readonly #readAt: ReadAt;
  readonly #end: number;
  readonly #fileBytes: number;
  readonly #refuse: Refuse;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #window = new Uint8Array(0);
  #view = new DataView(this.#window.buffer);
  /** Where the window begins in the file. */
  #from = 0;
  at = 0;

  constructor(readAt: ReadAt, fileBytes: number, refuse: Refuse) {
    this.#readAt = readAt;
    this.#fileBytes = fileBytes;
    this.#end = Math.min(fileBytes, LARGEST_HEADER);
    this.#refuse = refuse;
  }

  /** An unsigned integer of so many bytes. */
  number(bytes: 4 | 8): number {
    return this.#unsigned(bytes, this.#take(bytes));
  }

  /** A number of things that take at least `bytes` each: no more than there can be. */
  count(what: string, most: number, bytes: number): number {
    const count = this.number(8);
    const room = Math.floor((this.#end - this.at) / bytes);
    if (count > room) this.#refuse(` claims ${count} ${what}, more than its ${this.#fileBytes} bytes can hold`);
    if (count > most) this.#refuse(` claims ${count} ${what}; at most ${most} are supported`);
    return count;
  }

  string(): string {
    return this.text(this.count("bytes of a string", MOST_VALUES, 1));
  }

  text(bytes: number): string {
    const at = this.#take(bytes);
    try {
      return this.#decoder.decode(this.#window.subarray(at, at + bytes));
    } catch {
      return this.#refuse(` holds a string that is no UTF-8 at byte ${this.at - bytes}`);
    }
  }

  value(type: number, nested = false): Metadata {
    if (type === STRING) return this.string();
    if (type === ARRAY) {
      if (nested) this.#refuse(" holds arrays within arrays");
      const inner = this.number(4);
      const count = this.count("values of an array", MOST_VALUES, inner === STRING ? 8 : (SCALARS[inner] ?? 1));
      return Array.from({ length: count }, () => this.value(inner, true));
    }
    const bytes = SCALARS[type];
    if (bytes === undefined) return this.#refuse(` holds metadata of the unknown type ${type}`);
    const at = this.#take(bytes);
    const view = this.#view;
    switch (type) {
      case 1:
        return view.getInt8(at);
      case 3:
        return view.getInt16(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7:
        return view.getUint8(at) !== 0;
      case 11:
        return Number(view.getBigInt64(at, true));
      case 12:
        return view.getFloat64(at, true);
      default:
        return this.#unsigned(bytes, at);
    }
  }

  tensor(): Claimed {
    const name = this.string();
    const dimensions = this.number(4);
    if (dimensions < 1 || dimensions > MOST_DIMENSIONS) {
      this.#refuse(`: tensor ${shown(name)} has ${dimensions} dimensions; 1 to ${MOST_DIMENSIONS} are supported`);
    }
    const shape = Array.from({ length: dimensions }, () => this.number(8)).reverse();
    const number = this.number(4);
    const type = GGML_TYPES.get(number);
    const offset = this.number(8);
    if (type === undefined) {
      const known = [...GGML_TYPES.values()].map((one) => one.name).join(", ");
      return this.#refuse(`: tensor ${shown(name)} is of ggml's type ${number}`, `Convert it to one of ${known}.`);
    }
    const row = shape.at(-1)!;
    const bytes = (shape.reduce((product, size) => product * size, 1) / type.values) * type.bytes;
    if (row % type.values !== 0) {
      this.#refuse(`: rows of ${row} values of tensor ${shown(name)} are no whole blocks of ${type.name}`);
    }
    if (!(bytes > 0 && bytes <= this.#fileBytes && offset <= this.#fileBytes)) {
      this.#refuse(
        `: tensor ${shown(name)}, ${type.name} [${shape.join(", ")}], does not fit into ${this.#fileBytes} bytes`,
      );
    }
    return { name, type, shape, offset, bytes };
  }

  #unsigned(bytes: number, at: number): number {
    if (bytes === 8) return Number(this.#view.getBigUint64(at, true));
    if (bytes === 4) return this.#view.getUint32(at, true);
    return bytes === 2 ? this.#view.getUint16(at, true) : this.#view.getUint8(at);
  }

  /** Where in the window the next `bytes` lie. */
  #take(bytes: number): number {
    const start = this.at;
    if (start + bytes > this.#end) {
      this.#refuse(
        this.#end < this.#fileBytes
          ? ` has a header of more than ${LARGEST_HEADER} bytes`
          : ` ends within its header, after ${this.#fileBytes} bytes`,
      );
    }
    this.at += bytes;
    if (start >= this.#from && this.at <= this.#from + this.#window.length) return start - this.#from;
    this.#window = new Uint8Array(Math.min(Math.max(WINDOW, bytes), this.#end - start));
    this.#view = new DataView(this.#window.buffer);
    this.#from = start;
    this.#readAt(this.#window, start);
    return 0;
  }
}
