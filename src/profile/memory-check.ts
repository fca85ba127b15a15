import { readLimits } from "../engine/control-groups.ts";
import { UserError, words } from "../model/errors.ts";
import { containerText } from "../model/weights-fit.ts";
import { bytes } from "../text/format.ts";
import type { ProfileRequest } from "./request.ts";

/**
 * Refuses a run that will not fit, before anything is allocated.
 * @throws UserError with the bytes needed, the bytes there are, and the longest context that fits
 */
export function checkMemory(
  request: ProfileRequest,
  tokens: number,
  available = request.engine.availableBytes(),
): void {
  const shortage = memoryShortage(request, tokens, available);
  if (shortage === undefined) return;
  const { text, fits } = shortage;
  if (fits === 0) throw new UserError(`${text}: not even one token fits`);
  throw new UserError(words`${text}: ${{ setting: "maxTokens", value: fits }} would fit`);
}

/** What a context of `tokens` lacks, and the longest that fits; undefined where it does. */
export function memoryShortage(
  request: ProfileRequest,
  tokens: number,
  available = request.engine.availableBytes(),
): { readonly text: string; readonly fits: number } | undefined {
  const { engine, model, variants } = request;
  const weights = engine.weightBytes?.(model) ?? 0;
  const needed = (count: number): number =>
    weights +
    Math.max(...variants.map((variant) => engine.estimateBytes(model, variant, count + request.decodeTokens)));
  if (needed(tokens) <= available) return undefined;
  let fits = 0;
  let tooLong = tokens;
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2);
    if (needed(middle) <= available) fits = middle;
    else tooLong = middle;
  }
  const device = engine.meter !== undefined;
  const what = device
    ? " of device memory, weights included,"
    : weights > 0
      ? ", weights included,"
      : " beside the weights";
  const container = device ? "" : containerText(readLimits().memoryBytes);
  return {
    text: `${tokens} tokens need about ${bytes(needed(tokens))}${what} and ${bytes(available)} are available${container}`,
    fits,
  };
}

/**
 * Whether the contexts of all variants fit at once, so that their decode rounds can be interleaved. Each estimate counts as
 * if it were alone (weights on a GPU, which are shared, count for each): rather too much than too little.
 */
export function fitTogether(
  { engine, model, variants, decodeTokens }: ProfileRequest,
  tokens: number,
  available = engine.availableBytes(),
): boolean {
  const needed = variants.map((variant) => engine.estimateBytes(model, variant, tokens + decodeTokens));
  return needed.reduce((sum, bytes) => sum + bytes, 0) <= available;
}
