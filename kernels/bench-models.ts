/** Heads of an attention that is timed. */
export interface BenchHeads {
  readonly name: string;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Heads of the presets and of the embedded model. */
export const dense: BenchHeads = { name: "7B", queryHeads: 32, kvHeads: 8, headDim: 128 };
export const experts: BenchHeads = { name: "80B", queryHeads: 64, kvHeads: 4, headDim: 128 };
export const embedded: BenchHeads = { name: "embedded", queryHeads: 6, kvHeads: 2, headDim: 64 };
export const benchModels: readonly BenchHeads[] = [embedded, dense, experts];
