import { boundByName, type DeviceTraits, type GpuOp, type GpuProgram } from "../gpu-op.ts";
import { merging } from "./merging.ts";
import { planAttend, type AttendTuning } from "../attention/decode-plan.ts";

export interface FullDecodeShape {
  readonly queryHeads: number;
  readonly kvHeads: number;
  /** d; a multiple of 4. */
  readonly headDim: number;
  /** B; only scores depend on it. */
  readonly block: number;
  /** Emits block scores: the attention of an oracle layer. */
  readonly scores: boolean;
}

export interface FullDecodeRun {
  /** t: keys 0 .. t are visible. */
  readonly position: number;
  /** Rows reserved in the cache. */
  readonly room: number;
}

export interface FullDecodeTuning extends AttendTuning {
  /** Workgroups wanted: the keys are split so. A split is at least one tile. */
  readonly workgroups: number;
}

/** Few heads share a key: memory decides. Many do: arithmetic decides. */
export const fullDecodeTunings: Readonly<Record<"few" | "many", FullDecodeTuning>> = {
  few: {
    threads: 256,
    heads: 4,
    queryPieces: 1,
    keysEach: 4,
    valuesEach: 4,
    tile: 256,
    arithDots: false,
    arithSums: false,
    workgroups: 2048,
  },
  many: {
    threads: 256,
    heads: 8,
    queryPieces: 1,
    keysEach: 2,
    valuesEach: 4,
    tile: 128,
    arithDots: false,
    arithSums: true,
    workgroups: 1024,
  },
};

export function defaultFullDecodeTuning(group: number): FullDecodeTuning {
  return group <= 4 ? fullDecodeTunings.few : fullDecodeTunings.many;
}

/**
 * Full attention of one query position.
 *
 * Buffers: q f32 [Hq, d], k and v 16-bit [Hkv, room, d], out f32 [Hq, d]; with scores also scores f32 [Hkv, blocks],
 * blocks = ceil((t + 1) / B), the largest S of a KV head's query heads.
 * @throws Error when d is no multiple of 4
 */
export function fullDecodeGpu(
  { queryHeads, kvHeads, headDim, block, scores }: FullDecodeShape,
  traits: DeviceTraits,
  tuning: FullDecodeTuning = defaultFullDecodeTuning(queryHeads / kvHeads),
): GpuOp<FullDecodeRun> {
  const group = queryHeads / kvHeads;
  const plan = planAttend({ group, headDim, ...(scores ? { divisor: block } : {}) }, tuning, traits);
  const unit = scores ? block : plan.tile;
  const tileBlocks = Math.max(1, Math.floor(plan.tile / unit));
  const tileParts = Math.ceil(unit / plan.tile);
  const stride = Math.ceil((tileBlocks * unit) / tileParts);

  const split: GpuProgram = {
    name: "full-attention-decode/split_kv",
    sources: [
      ...plan.pieces.sources,
      "attention/attend_keys.wgsl",
      "full-attention-decode/split_kv.wgsl",
      scores ? "full-attention-decode/with_block_maxima.wgsl" : "attention/no_block_maxima.wgsl",
    ],
    aliases: plan.pieces.aliases,
    constants: {
      ...plan.constants,
      BLOCK: unit,
      TILE_BLOCKS: tileBlocks,
      TILE_PARTS: tileParts,
      TILE_STRIDE: stride,
    },
    bindings: {
      q: "read",
      k: "read",
      v: "read",
      partial: "read_write",
      sums: "read_write",
      ...(scores ? { maxima: "read_write" as const } : {}),
    },
    params: { keys: "u32", room: "u32", splits: "u32", tiles: "u32", tiles_each: "u32" },
  };
  const merged = merging({ queryHeads, kvHeads, headDim, scores }, tileParts);

  const sizes = ({ position }: FullDecodeRun): { keys: number; blocks: number; tiles: number; each: number } => {
    const keys = position + 1;
    const blocks = Math.ceil(keys / unit);
    const rest = keys - (blocks - 1) * unit;
    const tiles =
      tileParts === 1 ? Math.ceil(blocks / tileBlocks) : (blocks - 1) * tileParts + Math.ceil(rest / stride);
    const wanted = Math.max(1, Math.floor(tuning.workgroups / (kvHeads * plan.chunks)));
    return { keys, blocks, tiles, each: Math.ceil(tiles / wanted) };
  };

  return {
    programs: [split, ...merged.programs],
    scratch: (run) => {
      const { blocks, tiles, each } = sizes(run);
      const splits = Math.ceil(tiles / each);
      return {
        partial: splits * queryHeads * headDim * 4,
        sums: splits * queryHeads * 8,
        ...(scores ? { maxima: queryHeads * blocks * tileParts * 4 } : {}),
      };
    },
    dispatches: (run) => {
      const { keys, blocks, tiles, each } = sizes(run);
      const splits = Math.ceil(tiles / each);
      return [
        {
          program: split,
          buffers: boundByName(split),
          params: { keys, room: run.room, splits, tiles, tiles_each: each },
          workgroups: [splits, kvHeads, plan.chunks],
        },
        ...merged.dispatches({ splits, blocks, parts: tileParts === 1 ? blocks : tiles }),
      ];
    },
  };
}
