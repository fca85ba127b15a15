import { poisonRoom, type KernelCase } from "../kernel-case.ts";
import { checkOf, type GpuCheck } from "../gpu-check.ts";
import { cases } from "../full-attention/cases.ts";
import type { ScoredAttentionInput } from "../full-attention/full-attention.ts";
import { scoredAttention } from "../full-attention/reference.ts";
import { packHalves, roundToHalf } from "../half.ts";
import { Random } from "../random.ts";
import { defaultFullDecodeTuning, fullDecodeGpu, type FullDecodeTuning } from "./gpu.ts";

interface Size {
  readonly position: number;
  readonly kvHeads: number;
  readonly group: number;
  readonly headDim: number;
  readonly block: number;
  readonly spare: number;
  readonly scale: number;
}

const base: Size = { position: 700, kvHeads: 2, group: 4, headDim: 64, block: 64, spare: 3, scale: 1 };

/** Few shapes at many positions: compiling a shape for software Vulkan takes seconds, running it does not. */
const sizes: readonly Size[] = [
  ...[0, 62, 63, 64, 127, 128, 255, 256, 511, 700].map((position) => ({ ...base, position })),
  ...[100, 9000].map((position) => ({ ...base, group: 3, position })),
  ...[130, 2500].map((position) => ({ ...base, headDim: 128, group: 16, kvHeads: 1, position })),
  { ...base, headDim: 128, scale: 4 },
  { ...base, group: 1, headDim: 12, block: 10 },
  { ...base, group: 5, headDim: 24, block: 100 },
  ...[299, 599, 600, 700].map((position) => ({ ...base, group: 24, headDim: 40, block: 300, position })),
  { ...base, group: 8, headDim: 256, block: 1 },
  { ...base, group: 2, headDim: 4, block: 1000 },
];

const own: readonly KernelCase<ScoredAttentionInput>[] = sizes.map(
  ({ position, kvHeads, group, headDim, block, spare, scale }) => ({
    name: `full-attention-decode t=${position} Hkv=${kvHeads} G=${group} d=${headDim} B=${block} scale=${scale}`,
    inputs: (seed) => {
      const random = new Random(seed);
      const room = position + 1 + spare;
      const cache = (deviation: number): Float32Array =>
        poisonRoom(random.normals(kvHeads * room * headDim, deviation), kvHeads, room, position + 1, headDim);
      return {
        queries: random.normals(kvHeads * group * headDim, scale),
        keys: cache(scale),
        values: cache(1),
        queryHeads: kvHeads * group,
        kvHeads,
        headDim,
        start: position,
        block,
      };
    },
  }),
);

const decodes = cases.filter(({ name }) => name.includes(" C=1 "));

/** Other layouts than the default of the size, each reaching code that it does not. */
const variants: Readonly<Record<string, Partial<FullDecodeTuning>>> = {
  "": {},
  " few-splits": { workgroups: 3 },
  " 2-pieces 8-heads": { queryPieces: 2, heads: 8, keysEach: 2, threads: 128, valuesEach: 8 },
  " arith": { arithDots: true, arithSums: true, heads: 8, tile: 128 },
};

const varied = /t=(63|700) .* G=4 d=64 /;

export const checks: readonly GpuCheck[] = [...decodes, ...own].flatMap(({ name, inputs }) =>
  Object.entries(variants)
    .filter(([variant]) => variant === "" || varied.test(name))
    .flatMap(([variant, changes]) =>
      [true, false]
        .filter((scores) => scores || (variant === "" && varied.test(name)))
        .map((scores) => ({
          name: `${name}${variant}${scores ? "" : " no-scores"}`,
          prepare: (seed, traits) => {
            const drawn = inputs(seed);
            const { queries, queryHeads, kvHeads, headDim, start, block } = drawn;
            if (headDim % 4 !== 0) return { skip: `d = ${headDim} is no multiple of 4` };
            if (traits.arithmetic === "f16" && changes.arithDots === true && name.includes("scale=4")) {
              return { skip: "logits in 16 bits are for logits of a few units" };
            }
            const tuning = { ...defaultFullDecodeTuning(queryHeads / kvHeads), ...changes };
            const want = scoredAttention({
              ...drawn,
              keys: roundToHalf(drawn.keys),
              values: roundToHalf(drawn.values),
            });
            const tolerance = traits.arithmetic === "f16" && (tuning.arithDots || tuning.arithSums) ? 5e-3 : 2e-5;
            const emitted = {
              format: "f32",
              values: want.groupScores,
              tolerance,
              per: want.groupScores.length,
            } as const;
            return checkOf({
              op: fullDecodeGpu({ queryHeads, kvHeads, headDim, block, scores }, traits, tuning),
              run: { position: start, room: drawn.keys.length / (kvHeads * headDim) },
              buffers: {
                q: Float32Array.from(queries),
                k: packHalves(drawn.keys),
                v: packHalves(drawn.values),
                out: { bytes: want.out.length * 4 },
                ...(scores ? { scores: { bytes: want.groupScores.length * 4 } } : {}),
              },
              expected: {
                out: { format: "f32", values: want.out, tolerance, per: headDim },
                ...(scores ? { scores: emitted } : {}),
              },
            });
          },
        })),
    ),
);
