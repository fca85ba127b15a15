import type { DeviceTraits } from "../gpu-op.ts";

/** Shape of the work of one workgroup of `online_softmax.wgsl`. */
export interface FullAttentionTuning {
  /** (query, head) rows of a tile. */
  readonly rows: number;
  /** Keys of a tile; a multiple of 4 invocations' lanes, that is of 4 threads rowsPerThread / rows. */
  readonly keys: number;
  /** Rows whose logits and outputs one invocation holds. */
  readonly rowsPerThread: number;
  /** Invocations; at least `rows`. */
  readonly threads: number;
  /** Terms of a sum in 16 bits before it is added to 32 bits. */
  readonly chunk: number;
  /** Which products are formed in pairs of 16 bits where the device can; the others in 32 bits. */
  readonly packed: "all" | "values" | "none";
  /** Values take the keys' place in workgroup memory. */
  readonly shared: boolean;
  /** The next tile's keys are fetched into registers while values are summed. */
  readonly prefetch: boolean;
  /** Unused vectors after each row of workgroup memory: 1 keeps 8-byte reads free of conflicts, 2 allows 16-byte ones. */
  readonly pad: number;
}

const standard = { chunk: 16, packed: "all", shared: true, prefetch: false, pad: 1 } as const;

/** The tunings that are checked and timed. Names say tile, invocations and what differs from the standard. */
export const tunings = {
  "64x64 threads=128": { ...standard, rows: 64, keys: 64, rowsPerThread: 8, threads: 128 },
  "64x64 threads=128 chunk=8": { ...standard, rows: 64, keys: 64, rowsPerThread: 8, threads: 128, chunk: 8 },
  "64x64 threads=128 prefetch": { ...standard, rows: 64, keys: 64, rowsPerThread: 8, threads: 128, prefetch: true },
  "64x64 threads=128 pad=2": { ...standard, rows: 64, keys: 64, rowsPerThread: 8, threads: 128, pad: 2 },
  "64x64 threads=128 logits in f32": {
    ...standard,
    rows: 64,
    keys: 64,
    rowsPerThread: 8,
    threads: 128,
    packed: "values",
  },
  "64x64 threads=128 unpacked": { ...standard, rows: 64, keys: 64, rowsPerThread: 8, threads: 128, packed: "none" },
  "64x64 threads=64": { ...standard, rows: 64, keys: 64, rowsPerThread: 8, threads: 64 },
  "64x64 threads=256": { ...standard, rows: 64, keys: 64, rowsPerThread: 4, threads: 256 },
  "64x32 threads=128 two buffers": { ...standard, rows: 64, keys: 32, rowsPerThread: 4, threads: 128, shared: false },
  "32x64 threads=64": { ...standard, rows: 32, keys: 64, rowsPerThread: 8, threads: 64 },
  "32x64 threads=128": { ...standard, rows: 32, keys: 64, rowsPerThread: 4, threads: 128 },
  "32x32 threads=64": { ...standard, rows: 32, keys: 32, rowsPerThread: 4, threads: 64 },
} as const satisfies Record<string, FullAttentionTuning>;

/** What is taken where no tuning is asked for: the first that fits. The last two fit 16 KiB. */
const preferred: readonly FullAttentionTuning[] = [
  tunings["64x64 threads=128"],
  tunings["32x64 threads=64"],
  tunings["32x32 threads=64"],
  { ...standard, rows: 16, keys: 16, rowsPerThread: 2, threads: 32 },
  { ...standard, rows: 8, keys: 8, rowsPerThread: 1, threads: 16 },
];

/** The same tiles with logits multiplied in 32 bits: for logits that spread too far for sums in 16 bits. */
export function withWideLogits(tuning: FullAttentionTuning): FullAttentionTuning {
  return { ...tuning, packed: tuning.packed === "all" ? "values" : tuning.packed };
}

/** Bytes of workgroup storage that a tuning takes; every array is rounded up to 16. */
export function workgroupBytes(tuning: FullAttentionTuning, headDim: number, arithmetic: "f16" | "f32"): number {
  const { rows, keys, pad, shared } = tuning;
  const half = 8;
  const vector = arithmetic === "f16" ? half : 16;
  const stride = headDim / 4 + pad;
  const arrays = [
    rows * stride * vector,
    (shared ? 1 : 2) * keys * stride * half,
    rows * (keys / 4 + 1) * vector,
    (keys / 4) * (rows + 1) * 4,
    rows * 4,
    rows * 4,
  ];
  return arrays.reduce((sum, bytes) => sum + Math.ceil(bytes / 16) * 16, 0);
}

export function fits(tuning: FullAttentionTuning, headDim: number, traits: DeviceTraits): boolean {
  const bytes = workgroupBytes(tuning, headDim, traits.arithmetic);
  return bytes <= traits.workgroupStorageBytes && tuning.threads <= traits.maxInvocations;
}

export function chooseTuning(headDim: number, traits: DeviceTraits): FullAttentionTuning {
  // Logits multiplied in f32 cost a quarter of the speed and are right also where they are large; the rest is packed.
  const tuning = preferred.map(withWideLogits).find((one) => fits(one, headDim, traits));
  if (tuning === undefined) {
    throw new Error(`d = ${headDim} does not fit ${traits.workgroupStorageBytes} bytes of workgroup storage`);
  }
  return tuning;
}
