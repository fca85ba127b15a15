import { z } from "zod";
import { duplicateKey } from "./duplicate-keys.ts";
import { UserError } from "./errors.ts";
import { explainIssues } from "./explain.ts";
import { bfloat16ToFloat32, halfToFloat32, toHalves } from "./float16.ts";
import type { Values } from "./tensor.ts";

/**
 * The header of a safetensors file: 8 bytes with its length (little-endian u64), then JSON from tensor name to dtype,
 * shape and data_offsets, then the data. Format: https://huggingface.co/docs/safetensors. Weights come from anywhere, so
 * nothing in the header is believed: offsets must tile the data exactly and agree with shape and dtype.
 */

/** Bytes per value of the dtypes that are read. */
export const DTYPE_BYTES = { F16: 2, BF16: 2, F32: 4 } as const;
export type Dtype = keyof typeof DTYPE_BYTES;

/** The limit that the reference implementation sets too. */
const MAX_HEADER_BYTES = 100_000_000;

const LENGTH_BYTES = 8;

export interface TensorEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Position in the file, [start, end) in bytes. */
  readonly start: number;
  readonly end: number;
}

const index = z.int().nonnegative();
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(index),
  data_offsets: z.tuple([index, index]),
});

const DAMAGED = "The file is damaged or not a safetensors file: copy or export it again.";

/**
 * Bytes of length field and header together, from the file's first 8 bytes.
 *
 * @param source how to call the file in messages
 * @throws UserError when the file cannot hold such a header
 */
export function headerEnd(first: Uint8Array, fileBytes: number, source: string): number {
  if (first.length < LENGTH_BYTES || fileBytes < LENGTH_BYTES) {
    throw new UserError(`${source} has ${fileBytes} bytes, too few for a header. ${DAMAGED}`);
  }
  const length = new DataView(first.buffer, first.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw new UserError(`${source} claims a header of ${length.toString()} bytes, more than 100 MB. ${DAMAGED}`);
  }
  const end = LENGTH_BYTES + Number(length);
  if (end > fileBytes) {
    throw new UserError(`${source} claims a header up to byte ${end} but has ${fileBytes} bytes. ${DAMAGED}`);
  }
  return end;
}

/**
 * The tensors of a file in the order of their data.
 *
 * @param head the file's first `headerEnd` bytes
 * @throws UserError naming the file and the tensor
 */
export function parseHeader(head: Uint8Array, fileBytes: number, source: string): TensorEntry[] {
  const dataStart = headerEnd(head, fileBytes, source);
  const header = parseJson(head.subarray(LENGTH_BYTES, dataStart), source);
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, raw]) => parseEntry(name, raw, dataStart, source))
    .sort((a, b) => a.start - b.start || a.end - b.end);

  let reached = dataStart;
  let before = "the header";
  for (const { name, start, end } of entries) {
    if (end > fileBytes) {
      const missing = end - fileBytes;
      throw new UserError(
        `${source}: tensor "${name}" reaches ${missing} bytes beyond the end of the file. ${DAMAGED}`,
      );
    }
    if (start < reached) throw new UserError(`${source}: tensor "${name}" overlaps "${before}". ${DAMAGED}`);
    if (start > reached) {
      throw new UserError(`${source}: ${start - reached} unused bytes between "${before}" and "${name}". ${DAMAGED}`);
    }
    reached = end;
    before = name;
  }
  if (reached !== fileBytes) {
    throw new UserError(`${source}: ${fileBytes - reached} bytes after the last tensor belong to none. ${DAMAGED}`);
  }
  return entries;
}

function parseJson(bytes: Uint8Array, source: string): object {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    throw new UserError(`${source}: the header is not JSON. ${DAMAGED}`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    throw new UserError(`${source}: the header is not a JSON object. ${DAMAGED}`);
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) throw new UserError(`${source}: the header holds "${twice}" twice. ${DAMAGED}`);
  return header;
}

function parseEntry(name: string, raw: unknown, dataStart: number, source: string): TensorEntry {
  const parsed = entrySchema.safeParse(raw);
  if (!parsed.success) throw new UserError(`${source}: tensor "${name}": ${explainIssues(parsed.error)}. ${DAMAGED}`);
  const { dtype, shape, data_offsets: offsets } = parsed.data;
  if (!isDtype(dtype)) {
    const known = Object.keys(DTYPE_BYTES).join(", ");
    throw new UserError(`${source}: tensor "${name}" is of type ${dtype}; convert it to one of ${known}.`);
  }
  const bytes = shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]);
  const [start, end] = offsets;
  if (end - start !== bytes) {
    throw new UserError(
      `${source}: tensor "${name}", ${dtype} [${shape.join(", ")}], needs ${bytes} bytes ` +
        `but its offsets ${start} to ${end} hold ${end - start}. ${DAMAGED}`,
    );
  }
  return { name, dtype, shape, start: dataStart + start, end: dataStart + end };
}

function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BYTES, name);
}

/**
 * Stored values into as many of `out`: without loss as float32, to the nearest as binary16.
 *
 * @param data their bytes, at the start of a buffer (typed arrays need aligned bytes); little-endian, as every machine that
 *   Node runs this on
 */
export function convert(data: ArrayBuffer, dtype: Dtype, out: Values): void {
  if (dtype === "F16" && out instanceof Uint16Array) {
    out.set(new Uint16Array(data, 0, out.length));
  } else if (out instanceof Uint16Array) {
    toHalves(floatsOf(data, dtype, new Float32Array(out.length)), out);
  } else {
    floatsOf(data, dtype, out);
  }
}

function floatsOf(data: ArrayBuffer, dtype: Dtype, out: Float32Array<ArrayBuffer>): Float32Array {
  if (dtype === "F32") out.set(new Float32Array(data, 0, out.length));
  else if (dtype === "F16") halfToFloat32(new Uint16Array(data, 0, out.length), out);
  else bfloat16ToFloat32(new Uint16Array(data, 0, out.length), out);
  return out;
}

/** Bits of the exponent. All of them are set in infinities and in what is not a number, and nowhere else. */
const EXPONENT = { F16: 0x7c00, BF16: 0x7f80, F32: 0x7f80_0000 } as const satisfies Record<Dtype, number>;

/** The first of `count` stored values that is infinite or not a number. */
export function findNotFinite(
  data: ArrayBuffer,
  dtype: Dtype,
  count: number,
): { readonly at: number; readonly value: number } | undefined {
  const mask = EXPONENT[dtype];
  const bits = dtype === "F32" ? new Uint32Array(data, 0, count) : new Uint16Array(data, 0, count);
  for (let at = 0; at < count; at++) {
    if (((bits[at] as number) & mask) !== mask) continue;
    const out = new Float32Array(1);
    convert(data.slice(at * DTYPE_BYTES[dtype]), dtype, out);
    return { at, value: out[0] as number };
  }
  return undefined;
}
