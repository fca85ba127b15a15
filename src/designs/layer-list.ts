const RULE = /^every-(\d{1,4})$/u;
const LIST = /^\d{1,4}(?:\+\d{1,4})*$/u;

/** How layers are written, for people, as what follows "must be". */
export const LAYERS_FORM = "layers in ascending order such as 0+3+12, or every-N for layers 0, N, 2 N and so on";

/**
 * The layers that a user names of a decoder with so many, ascending: "0+3+12" are those three (some of which there may not be),
 * "every-4" every fourth from the first on. Undefined where the text says neither.
 */
export function layersNamed(text: string, layers: number): number[] | undefined {
  const step = Number(RULE.exec(text)?.[1]);
  if (step > 0) return Array.from({ length: Math.ceil(layers / step) }, (_, i) => i * step);
  if (!LIST.test(text)) return undefined;
  const named = text.split("+").map(Number);
  return named.every((layer, i) => i === 0 || layer > named[i - 1]!) ? named : undefined;
}
