import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChooseBlocks, Engine } from "../../src/engine/engine.ts";
import { UserError } from "../../src/model/errors.ts";
import { recent } from "./choices.ts";
import { assertClose } from "./compare.ts";
import { randomTokens, tinyArchitecture, tinyModel } from "./tiny-model.ts";

/** Bytes that one piece of logits may take. */
const PIECE_BYTES = 32 * 1024 * 1024;

export interface SwapRulesSubject {
  /** Called inside tests, when the engine exists. */
  readonly engine: () => Engine;
  readonly tolerance: number;
  readonly seed: number;
  readonly halves: boolean;
}

/** The rules of observers of logits and of swaps that are not about numbers: what is refused, cancel, bounded pieces. */
export function describeSwapRules({ engine, tolerance, seed, halves }: SwapRulesSubject): void {
  describe("rules", () => {
    const a = tinyArchitecture();
    const model = tinyModel(a, seed, { halves });
    const tokens = randomTokens(a, 40, seed);

    it("swaps exist under hysparse only", async () => {
      for (const swap of [{ kind: "silent" }, { kind: "restrict-last" }] as const) {
        for (const variant of ["full", "hybrid-swa"] as const) {
          await assert.rejects(engine().load(model, variant, { swap }), new RegExp(variant));
        }
      }
    });

    it("restrict-last needs a full last layer and an oracle before it", async () => {
      for (const [changes, why] of [
        [{ layers: 1 }, /no layer before it selects/],
        [{ layers: 3, sparsePerFull: 0 }, /no layer before it selects/],
        [{ layers: 3, lastFull: false }, /it is a sparse layer/],
      ] as const) {
        const plain = tinyModel(tinyArchitecture(changes), seed, { halves });
        await assert.rejects(engine().load(plain, "hysparse", { swap: { kind: "restrict-last" } }), (error) => {
          return error instanceof UserError && why.test(error.message);
        });
      }
    });

    it("a swapped runner does not decode", async () => {
      const swaps = [{ kind: "blocks", choose: recent(a) }, { kind: "silent" }, { kind: "restrict-last" }] as const;
      for (const swap of swaps) {
        const runner = await engine().load(model, "hysparse", { swap });
        await runner.prefill(tokens);
        await assert.rejects(runner.decode(1), new RegExp(swap.kind));
        await runner.dispose();
      }
    });

    it("a choice that is empty, too long, unordered, repeated or not visible is refused by name", async () => {
      const good = recent(a);
      // Query 21 sees blocks 0 to 2 and may read two of them.
      const faults: readonly (readonly [blocks: readonly number[], count: number])[] = [
        [[], 0],
        [[0, 1], 3],
        [[0, 1], 1.5],
        [[1, 0], 2],
        [[1, 1], 2],
        [[1, 3], 2],
      ];
      for (const chunk of [7, 40]) {
        let fault = faults[0];
        const choose: ChooseBlocks = (layer, query, kvHead, out) => {
          if (fault === undefined || query !== 21 || kvHead !== 1) return good(layer, query, kvHead, out);
          const [blocks, count] = fault;
          out.set(blocks);
          return count;
        };
        const runner = await engine().load(model, "hysparse", { chunk, swap: { kind: "blocks", choose } });
        for (fault of faults) {
          await assert.rejects(runner.prefill(tokens), /layer 0\b.*query 21\b/s, fault.join(", "));
          runner.reset();
        }
        fault = undefined;
        await runner.prefill(tokens);
        await runner.dispose();
      }
    });

    it("a cancel while logits are told ends the run", async () => {
      const runner = await engine().load(model, "hysparse", { chunk: 8 });
      const controller = new AbortController();
      const reason = new Error("the user pressed stop");
      let told = 0;
      const onLogits = (): void => {
        told++;
        controller.abort(reason);
      };
      await assert.rejects(
        runner.prefill(tokens, { signal: controller.signal, observer: { onLogits } }),
        (error) => error === reason,
      );
      assert.equal(told, 1, "pieces told");
      await runner.dispose();
    });

    it("logits come in pieces of bounded size", async () => {
      const wide = tinyArchitecture({ layers: 1, hidden: 8, vocabulary: 90_000 });
      // Two pieces: 93 rows and 7.
      const count = 100;
      const prompt = randomTokens(wide, count, seed);
      const runner = await engine().load(tinyModel(wide, seed, { halves }), "hysparse");
      let rows = 0;
      let row = new Float32Array();
      const onLogits = (start: number, logits: Float32Array): void => {
        assert.equal(start, rows, "logits come without gaps");
        assert.ok(logits.byteLength <= PIECE_BYTES, `a piece of ${logits.byteLength} bytes`);
        rows += logits.length / wide.vocabulary;
        row = logits.slice(-wide.vocabulary);
      };
      const last = await runner.prefill(prompt, { observer: { onLogits } });
      assert.equal(rows, count);
      assertClose(row, last, tolerance, "the last row and what prefill returns");
      await runner.dispose();
    });
  });
}
