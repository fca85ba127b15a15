import type { Embedding } from "./embedding.ts";

/**
 * Input embedding, unscaled; HySparse (arXiv 2602.03560) adds nothing to it.
 * @throws RangeError when a token is outside the table
 */
export const embedding: Embedding = ({ tokens, table, width }) => {
  const vocabulary = table.length / width;
  const out = new Float64Array(tokens.length * width);
  tokens.forEach((token, row) => {
    if (token >= vocabulary) throw new RangeError(`token ${token} is outside the table of ${vocabulary} rows`);
    for (let e = 0; e < width; e++) out[row * width + e] = table[token * width + e]!;
  });
  return out;
};
