import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LoadOptions, Runner, SelectionSwap, Variant } from "../../../src/engine/engine.ts";
import { asRun } from "../../../src/designs/as-planned.ts";
import { planOf } from "../../../src/designs/designs.ts";
import { notRestrictable } from "../../../src/engine/swap.ts";
import { UserError } from "../../../src/model/errors.ts";
import type { Model } from "../../../src/model/model.ts";
import type { SwapName } from "../../../src/protocol/report.ts";
import { model, QuickEngine, reported } from "./tiny-profile.ts";

const a = model.architecture;

/** How many bits a token takes under a swap and with k selected tokens. */
type Bits = (swap: SelectionSwap | undefined, token: number, selectedTokens: number) => number;

/** Where logits are asked for, says that each next token has probability 2^-bits; 3 positions at a time. */
class KnownEngine extends QuickEngine {
  readonly asked: string[] = [];
  readonly #bits: Bits;

  constructor(bits: Bits) {
    super();
    this.#bits = bits;
  }

  override async load(of: Model, variant: Variant, options: LoadOptions = {}): Promise<Runner> {
    const runner = await super.load(of, variant, options);
    const prefill = runner.prefill.bind(runner);
    runner.prefill = (tokens, rest = {}) => {
      const { observer } = rest;
      if (observer?.onLogits === undefined) return prefill(tokens, rest);
      assert.equal(variant, "hysparse");
      const { selectedTokens } = asRun(of.architecture, variant);
      this.asked.push(
        options.swap?.kind ?? (selectedTokens === a.selectedTokens ? "learned" : `k = ${selectedTokens}`),
      );
      for (let start = 0; start < tokens.length; start += 3) {
        const rows = Math.min(3, tokens.length - start);
        const logits = new Float32Array(rows * a.vocabulary);
        for (let row = 0; row < rows; row++) {
          const token = start + row + 1;
          const others = Math.log((2 ** this.#bits(options.swap, token, selectedTokens) - 1) / (a.vocabulary - 1));
          logits.fill(others, row * a.vocabulary, (row + 1) * a.vocabulary);
          logits[row * a.vocabulary + (tokens[token] ?? 0)] = 0;
        }
        observer.onLogits(start, logits);
      }
      return Promise.resolve(new Float32Array(a.vocabulary));
    };
    return runner;
  }
}

describe("swapped selections in a profile", () => {
  it("are each the bits per byte of the whole document, and their difference to learned", async () => {
    const engine = new KnownEngine((swap, token, k) => {
      if (swap === undefined) return k >= 100 ? 1.75 : 2;
      if (swap.kind === "silent") return 3;
      // Random draws cost 6 bits more in block 4, the most recent blocks cost half a bit everywhere.
      if (swap.kind === "restrict-last") return 1.5;
      const out = new Uint32Array(2);
      swap.choose(0, 95, 0, out);
      return out.join() === "10,11" ? 2.5 : token >= 32 && token < 40 ? 8 : 2;
    });
    const { swaps, settings, document } = await reported({ engine, swaps: true });
    assert.equal(settings.swaps, true);
    const blocks = ["blocks", "blocks", "blocks", "blocks"];
    assert.deepEqual(engine.asked, ["learned", "k = 128", ...blocks, "silent", "restrict-last"]);
    assert.deepEqual([swaps?.tokens, swaps?.bytes], [99, 99]);
    const random = (99 * 2 + 8 * 6) / 99;
    for (const [name, bits, draws] of [
      ["learned", 2, 1],
      ["all", 1.75, 1],
      ["recent", 2.5, 1],
      ["random", random, 3],
      ["none", 3, 1],
      ["restrict-last", 1.5, 1],
    ] as const satisfies readonly (readonly [SwapName, number, number])[]) {
      const result = swaps?.results.find((one) => one.name === name);
      assert.equal(result?.samples.length, draws);
      assert.ok(Math.abs(result.bitsPerByte - bits) < 1e-6, `${name}: ${result.bitsPerByte}`);
      assert.ok(Math.abs(result.added - (bits - 2)) < 1e-6, `${name} adds ${result.added}`);
      assert.ok(result.addedLow <= result.added && result.addedHigh >= result.added);
    }
    assert.deepEqual(
      swaps?.places.map(({ block, start, end }) => [block, start, end]),
      [[4, ...document.blockRanges[4]!]],
    );
    assert.ok(Math.abs(swaps.places[0]!.addedBits - 48) < 1e-4);
    assert.equal(swaps.places[0]?.text, undefined);
  });

  it("are run by an engine, and each of them changes what the model expects", async () => {
    const { swaps, warnings } = await reported({ swaps: true, maxTokens: 24, includeText: true });
    const added = (name: SwapName): number => swaps!.results.find((one) => one.name === name)!.added;
    for (const name of ["all", "recent", "random", "none", "restrict-last"] as const)
      assert.notEqual(added(name), 0, name);
    assert.ok(!warnings.some((said) => said.includes("by construction")));
    assert.ok(swaps!.places.every(({ block, text }) => block === 2 && typeof text === "string"));
  });

  it("leave out restrict-last where the last layer is sparse, and say why", async () => {
    const open = { ...a, layers: 3, lastFull: false };
    const { swaps, warnings } = await reported({
      model: { ...model, architecture: open },
      swaps: true,
      fidelity: true,
      maxTokens: 24,
    });
    assert.deepEqual(
      swaps?.results.map(({ name }) => name),
      ["learned", "all", "recent", "random", "none"],
    );
    assert.ok(!swaps.method.includes("restrict-last"));
    assert.ok(
      warnings.includes(
        `The last layer was not restricted to selected blocks: ${notRestrictable(planOf(open, "hysparse"))}.`,
      ),
    );
    const usual = await reported({ swaps: true, maxTokens: 24 });
    assert.ok(usual.swaps?.method.includes("restrict-last"));
    assert.ok(!usual.warnings.some((said) => said.includes("not restricted")));
  });

  it("says that recent and random are the learned where the document is short, and leaves out very short ones", async () => {
    const short: Model = { ...model, architecture: { ...a, selectedTokens: 40 } };
    const { swaps, warnings } = await reported({ model: short, swaps: true, maxTokens: 40 });
    assert.ok(warnings.some((said) => said.includes("by construction")));
    for (const { name, added } of swaps!.results) {
      assert.equal(added !== 0, name === "none", name);
    }
    assert.deepEqual(swaps?.places, []);
    const none = await reported({ swaps: true, maxTokens: 16 });
    assert.equal(none.swaps, undefined);
    assert.ok(none.warnings.some((said) => said.includes("it takes more than 16")));
  });
});

describe("a check that fails on the way", () => {
  /** Silencing the branch fails. */
  class Failing extends QuickEngine {
    readonly #error: Error;

    constructor(error: Error) {
      super();
      this.#error = error;
    }

    override load(of: Model, variant: Variant, options: LoadOptions = {}): Promise<Runner> {
      return options.swap?.kind === "silent" ? Promise.reject(this.#error) : super.load(of, variant, options);
    }
  }

  /** There is room for what the model selects, not for more. */
  class Small extends QuickEngine {
    override estimateBytes(of: Model): number {
      return asRun(of.architecture, "hysparse").selectedTokens;
    }

    override availableBytes(): number {
      return a.selectedTokens;
    }
  }

  it("is left out with the reason, and nothing else is lost", async () => {
    const engine = new Failing(new UserError("the GPU was lost; run again"));
    const report = await reported({ engine, swaps: true, fidelity: true, maxTokens: 24 });
    assert.equal(report.swaps, undefined);
    assert.ok(report.fidelity !== undefined && report.variants.hysparse !== undefined);
    assert.ok(report.warnings.includes("The selection was not swapped: the GPU was lost; run again."));
  });

  it("ends the profile where the mistake is ours", async () => {
    const engine = new Failing(new Error("a mistake of ours"));
    await assert.rejects(reported({ engine, swaps: true, maxTokens: 24 }), /a mistake of ours/);
  });

  it("is every block alone where only that does not fit", async () => {
    const { swaps, warnings } = await reported({ engine: new Small(), swaps: true, maxTokens: 24 });
    const names = swaps?.results.map(({ name }) => name);
    assert.deepEqual(names, ["learned", "recent", "random", "none", "restrict-last"]);
    assert.ok(!swaps?.method.includes("all:"));
    const why = /^Reading every block was not measured: with that many selected, 24 tokens need .* available\.$/u;
    assert.ok(
      warnings.some((said) => why.test(said)),
      warnings.join("\n"),
    );
  });
});
