import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cases } from "../../../kernels/full-attention/cases.ts";
import type { ScoredAttentionInput } from "../../../kernels/full-attention/full-attention.ts";
import { fullAttention, scoredAttention } from "../../../kernels/full-attention/reference.ts";
import { assertNear, assertRefuses, SEED } from "./near.ts";

/** P of eq. 2 as a whole matrix [Hq][C][start + C], zeros above the diagonal: no maximum is subtracted, nothing shared. */
function probabilityMatrices(input: ScoredAttentionInput): number[][][] {
  const { queries, keys, queryHeads, kvHeads, headDim: d, start } = input;
  const rows = queries.length / (queryHeads * d);
  const room = keys.length / (kvHeads * d);
  const q = (c: number, h: number, i: number): number => queries[(c * queryHeads + h) * d + i]!;
  const k = (h: number, j: number, i: number): number => keys[(h * room + j) * d + i]!;
  return Array.from({ length: queryHeads }, (_, h) =>
    Array.from({ length: rows }, (_, c) => {
      const kvHead = Math.trunc((h * kvHeads) / queryHeads);
      const exps = Array.from({ length: start + rows }, (_, j) => {
        if (j > start + c) return 0;
        const dot = Array.from({ length: d }, (_, i) => q(c, h, i) * k(kvHead, j, i)).reduce((a, b) => a + b);
        return Math.exp(dot * d ** -0.5);
      });
      const sum = exps.reduce((a, b) => a + b);
      return exps.map((e) => e / sum);
    }),
  );
}

describe(`full attention (SEED=${SEED})`, () => {
  it("weighs two keys as computed by hand", () => {
    // d = 1: logits are products. Query 1 sees keys 0 and ln 3, so it weighs their values 1 : 3.
    const input = {
      queries: Float64Array.of(5, 1),
      keys: Float64Array.of(0, Math.log(3)),
      values: Float64Array.of(10, 20),
      ...{ queryHeads: 1, kvHeads: 1, headDim: 1, start: 0 },
    };
    assertNear(fullAttention(input), [10, 17.5]);
    const { out, headScores, groupScores } = scoredAttention({ ...input, block: 1 });
    assertNear(out, [10, 17.5]);
    assertNear(headScores, [1, 0, 0.25, 0.75]);
    assertNear(groupScores, headScores);
  });

  it("divides logits by the square root of d", () => {
    // d = 4: q.k = 2 ln 3, over sqrt 4 that is ln 3.
    const input = {
      queries: Float64Array.of(1, 0, 0, 0),
      keys: Float64Array.of(0, 7, 7, 7, 2 * Math.log(3), 7, 7, 7),
      values: Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0),
      ...{ queryHeads: 1, kvHeads: 1, headDim: 4, start: 1 },
    };
    assertNear(fullAttention(input), [0.25, 0.75, 0, 0]);
  });

  it("takes the larger score of the two heads of a group", () => {
    // Both heads share the keys 0 and ln 3; head 1 looks the other way.
    const { groupScores } = scoredAttention({
      queries: Float64Array.of(1, -1),
      keys: Float64Array.of(0, Math.log(3)),
      values: Float64Array.of(0, 0),
      ...{ queryHeads: 2, kvHeads: 1, headDim: 1, start: 1, block: 1 },
    });
    assertNear(groupScores, [0.75, 0.75]);
  });

  it("refuses shapes that do not fit and keys that end too early", () => {
    const input = {
      ...{ queries: new Float64Array(4), keys: new Float64Array(4), values: new Float64Array(4) },
      ...{ queryHeads: 1, kvHeads: 1, headDim: 2, start: 0 },
    };
    assertRefuses(() => fullAttention({ ...input, start: 1 }), "position 2");
    assertRefuses(() => fullAttention({ ...input, values: new Float64Array(2) }), "values");
  });

  for (const { name, inputs } of cases) {
    const input = inputs(SEED);
    const { queryHeads, kvHeads, block, start } = input;
    const scored = scoredAttention(input);
    const rows = scored.out.length / (queryHeads * input.headDim);
    const blocks = Math.ceil((start + rows) / block);

    it(`${name}: weights sum to one`, () => {
      const ones = input.values.map((v) => (Number.isNaN(v) ? v : 1));
      for (const value of fullAttention({ ...input, values: ones })) assertNear([value], [1]);
    });

    it(`${name}: output and scores are those of the whole probability matrix`, () => {
      assert.deepEqual(scored.out, fullAttention(input));
      const matrices = probabilityMatrices(input);
      const room = input.keys.length / (kvHeads * input.headDim);
      const out = new Float64Array(scored.out.length);
      const head = new Float64Array(scored.headScores.length);
      const group = new Float64Array(scored.groupScores.length);
      matrices.forEach((matrix, h) =>
        matrix.forEach((probabilities, c) => {
          const kvHead = Math.trunc((h * kvHeads) / queryHeads);
          probabilities.forEach((p, j) => {
            for (let i = 0; i < input.headDim; i++) {
              out[(c * queryHeads + h) * input.headDim + i]! +=
                p * input.values[(kvHead * room + j) * input.headDim + i]!;
            }
          });
          for (let i = 0; i < blocks; i++) {
            const best = Math.max(...probabilities.slice(i * block, (i + 1) * block));
            head[(c * queryHeads + h) * blocks + i] = best;
            const at = (c * kvHeads + kvHead) * blocks + i;
            group[at] = Math.max(group[at]!, best);
          }
        }),
      );
      assertNear(scored.out, out);
      assertNear(scored.headScores, head);
      assertNear(scored.groupScores, group);
    });

    it(`${name}: scores of visible blocks are in (0, 1], of others 0`, () => {
      scored.headScores.forEach((s, at) => {
        const position = start + Math.floor(at / (queryHeads * blocks));
        const visible = (at % blocks) * block <= position;
        assert.ok(visible ? s > 0 && s <= 1 : s === 0, `score ${s} at ${at}`);
      });
    });
  }
});
