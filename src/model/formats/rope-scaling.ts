import type { Decoder } from "../decoder.ts";

/** How a model's context was stretched beyond what it was first trained on. Fields as transformers' config.json has them. */
export type RopeScaling =
  | { readonly kind: "linear"; readonly factor: number }
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly original: number;
    }
  | {
      readonly kind: "yarn";
      readonly factor: number;
      readonly original: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly attentionFactor: number | undefined;
      readonly truncate: boolean;
    };

type Scaled = Pick<Decoder, "ropeFactors" | "ropeScale">;

/** What the scaling divides the frequency of each pair of a head by, and what it multiplies cosines and sines by. */
export function scaledRope(scaling: RopeScaling | undefined, base: number, headDim: number): Scaled {
  if (scaling === undefined) return {};
  const factors = (of: (pair: number) => number): number[] => Array.from({ length: headDim / 2 }, (_, i) => of(i));
  const { factor } = scaling;
  switch (scaling.kind) {
    case "linear":
      return { ropeFactors: factors(() => factor) };
    case "llama3":
      // Llama 3.1 (arXiv 2407.21783): long waves are divided, short ones kept, those between are blended.
      return {
        ropeFactors: factors((i) => {
          const { lowFrequencyFactor: low, highFrequencyFactor: high, original } = scaling;
          const wave = 2 * Math.PI * base ** ((2 * i) / headDim);
          if (wave < original / high) return 1;
          if (wave > original / low) return factor;
          const smooth = (original / wave - low) / (high - low);
          return 1 / ((1 - smooth) / factor + smooth);
        }),
      };
    case "yarn": {
      // YaRN (arXiv 2309.00071), section 3: pairs that turn often within the original context are kept.
      const pairAt = (turns: number): number =>
        (headDim * Math.log(scaling.original / (turns * 2 * Math.PI))) / (2 * Math.log(base));
      const [first, last] = [pairAt(scaling.betaFast), pairAt(scaling.betaSlow)];
      const low = Math.max(scaling.truncate ? Math.floor(first) : first, 0);
      const high = Math.min(scaling.truncate ? Math.ceil(last) : last, headDim - 1);
      const width = high === low ? 0.001 : high - low;
      return {
        ropeFactors: factors((i) => {
          const stretched = Math.min(1, Math.max(0, (i - low) / width));
          return 1 / (stretched / factor + 1 - stretched);
        }),
        ropeScale: scaling.attentionFactor ?? (factor > 1 ? 0.1 * Math.log(factor) + 1 : 1),
      };
    }
  }
}
