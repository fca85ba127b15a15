import { describe, it } from "node:test";
import { cases as embeddingCases } from "../../../kernels/embedding/cases.ts";
import { embedding } from "../../../kernels/embedding/reference.ts";
import { cases as gateCases } from "../../../kernels/gate-fusion/cases.ts";
import { gateFusion } from "../../../kernels/gate-fusion/reference.ts";
import { cases as linearCases } from "../../../kernels/linear/cases.ts";
import { linear } from "../../../kernels/linear/reference.ts";
import { cases as rmsnormCases } from "../../../kernels/rmsnorm/cases.ts";
import { rmsnorm } from "../../../kernels/rmsnorm/reference.ts";
import { cases as swigluCases } from "../../../kernels/swiglu/cases.ts";
import { swiglu } from "../../../kernels/swiglu/reference.ts";
import { assertNear, assertRefuses, SEED } from "./near.ts";

describe(`RMSNorm (SEED=${SEED})`, () => {
  it("divides by the root of the mean square plus eps", () => {
    // Mean square of (3, 4) is 12.5; eps lifts it to 16.
    const input = { x: Float64Array.of(3, 4), weight: Float64Array.of(1, 2), eps: 3.5 };
    assertNear(rmsnorm(input), [0.75, 2]);
    assertNear(rmsnorm({ ...input, x: new Float64Array(2) }), [0, 0]);
  });

  for (const { name, inputs } of rmsnormCases) {
    it(`${name}: with a weight of one every row's mean square is m / (m + eps)`, () => {
      const { x, weight, eps } = inputs(SEED);
      const width = weight.length;
      const out = rmsnorm({ x, weight: weight.map(() => 1), eps });
      const meanSquare = (row: ArrayLike<number>): number =>
        Array.from(row).reduce((sum, value) => sum + (value * value) / width, 0);
      for (let at = 0; at < x.length; at += width) {
        const m = meanSquare(x.subarray(at, at + width));
        assertNear([meanSquare(out.subarray(at, at + width))], [m / (m + eps)]);
      }
      // The weight multiplies after the norm.
      assertNear(
        rmsnorm({ x, weight, eps }),
        out.map((value, i) => value * weight[i % width]!),
      );
    });
  }
});

describe(`linear (SEED=${SEED})`, () => {
  it("multiplies by the transpose of [out, in]", () => {
    const input = { x: Float64Array.of(1, 2, 3, 4), weight: Float64Array.of(1, 0, 0, 1, 10, 100), inputs: 2 };
    assertNear(linear(input), [1, 2, 210, 3, 4, 430]);
  });

  it("refuses rows that are cut off", () => {
    assertRefuses(() => linear({ x: new Float64Array(3), weight: new Float64Array(4), inputs: 2 }), "x holds 3");
  });

  for (const { name, inputs } of linearCases) {
    it(`${name}: unit vectors read the weight's columns`, () => {
      const { weight, inputs: width } = inputs(SEED);
      const unit = Float64Array.from({ length: width * width }, (_, at) => (at % (width + 1) === 0 ? 1 : 0));
      const outputs = weight.length / width;
      const columns = Float64Array.from(
        { length: weight.length },
        (_, at) => weight[(at % outputs) * width + Math.floor(at / outputs)]!,
      );
      assertNear(linear({ x: unit, weight, inputs: width }), columns);
    });
    it(`${name}: is additive`, () => {
      const { x, weight, inputs: width } = inputs(SEED);
      const y = Float64Array.from(x, (value, i) => value + (i % 7));
      const ramp = Float64Array.from(x, (_, i) => i % 7);
      const sum = linear({ x: ramp, weight, inputs: width }).map(
        (value, i) => value + linear({ x, weight, inputs: width })[i]!,
      );
      assertNear(linear({ x: y, weight, inputs: width }), sum);
    });
  }
});

describe(`SwiGLU (SEED=${SEED})`, () => {
  it("is gate * sigmoid(gate) * up", () => {
    const gate = Float64Array.of(0, Math.log(3), -Math.log(3), -800);
    // sigmoid(ln 3) = 3/4, sigmoid(-ln 3) = 1/4.
    assertNear(swiglu({ gate, up: Float64Array.of(5, 2, 2, 1) }), [0, 1.5 * Math.log(3), -0.5 * Math.log(3), 0]);
  });

  for (const { name, inputs } of swigluCases) {
    it(`${name}: silu(g) - silu(-g) = g`, () => {
      const { gate, up } = inputs(SEED);
      const mirrored = swiglu({ gate: gate.map((g) => -g), up });
      assertNear(
        swiglu({ gate, up }).map((value, i) => value - mirrored[i]!),
        Float64Array.from(gate, (g, i) => g * up[i]!),
      );
    });
  }
});

describe(`gate fusion (SEED=${SEED})`, () => {
  const branches = { sparse: Float64Array.of(4, 8, 12, 16), window: Float64Array.of(100, 200, 300, 400) };
  const shape = { queryHeads: 2, headDim: 2 };
  const open = 800;

  it("has one gate per head", () => {
    const gates = { sparseGate: Float64Array.of(0, Math.log(3)), windowGate: Float64Array.of(-open, open) };
    assertNear(gateFusion({ ...branches, ...gates, ...shape, kind: "head" }), [2, 4, 309, 412]);
  });

  it("or one per value", () => {
    const sparseGate = Float64Array.of(0, open, -open, Math.log(3));
    const windowGate = Float64Array.of(open, 0, 0, -open);
    assertNear(gateFusion({ ...branches, sparseGate, windowGate, ...shape, kind: "element" }), [102, 108, 150, 12]);
  });

  it("refuses gates of the other kind", () => {
    const gates = { sparseGate: new Float64Array(2), windowGate: new Float64Array(2) };
    assertRefuses(() => gateFusion({ ...branches, ...gates, ...shape, kind: "element" }), "sparseGate");
  });

  for (const { name, inputs } of gateCases) {
    it(`${name}: gates repeated over a head's values say the same as head gates, branches change places`, () => {
      const input = inputs(SEED);
      const { sparse, window, sparseGate, windowGate, headDim, kind } = input;
      const repeat = (gate: ArrayLike<number>): Float64Array =>
        Float64Array.from(sparse, (_, i) => gate[kind === "head" ? Math.floor(i / headDim) : i]!);
      const elements = { sparseGate: repeat(sparseGate), windowGate: repeat(windowGate), kind: "element" as const };
      const swapped = { sparse: window, window: sparse, sparseGate: windowGate, windowGate: sparseGate };
      assertNear(gateFusion(input), gateFusion({ ...input, ...elements }));
      assertNear(gateFusion(input), gateFusion({ ...input, ...swapped }));
    });
  }
});

describe(`embedding (SEED=${SEED})`, () => {
  it("refuses a token outside the table", () => {
    assertRefuses(
      () => embedding({ tokens: Uint32Array.of(2), table: new Float64Array(4), width: 2 }),
      "token 2 is outside",
    );
  });

  for (const { name, inputs } of embeddingCases) {
    it(`${name}: is a product with one-hot rows`, () => {
      const { tokens, table, width } = inputs(SEED);
      const vocabulary = table.length / width;
      const oneHot = new Float64Array(tokens.length * vocabulary);
      tokens.forEach((token, row) => (oneHot[row * vocabulary + token] = 1));
      const columns = Float64Array.from(
        { length: table.length },
        (_, at) => table[(at % vocabulary) * width + Math.floor(at / vocabulary)]!,
      );
      assertNear(embedding({ tokens, table, width }), linear({ x: oneHot, weight: columns, inputs: vocabulary }));
    });
  }
});
