import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { loadTokenizer } from "../../../src/model/bpe.ts";
import { loadCheckpoint } from "../../../src/model/checkpoint.ts";
import { parseCheckpointConfig } from "../../../src/model/checkpoint-config.ts";
import { UserError } from "../../../src/model/errors.ts";
import { Random } from "../../../src/model/random.ts";
import { TINY, tinyConfig, withCheckpoint } from "../../fixtures/model/checkpoint-folder.ts";
import { mutate } from "../../fixtures/model/mutate.ts";
import { tinyTokenizerJson } from "../../fixtures/model/tiny-tokenizer.ts";

const SEED = 20_261_127;
function refusedOrFine(act: () => void, source: string, what: string): boolean {
  const began = performance.now();
  try {
    act();
    return false;
  } catch (error) {
    assert.ok(error instanceof UserError, `${what}: ${error instanceof Error ? (error.stack ?? "") : String(error)}`);
    assert.ok(
      error.message.length < 500,
      `${what}: ${error.message.length} characters: ${error.message.slice(0, 600)}`,
    );
    assert.ok(error.message.startsWith(source), `${what}: ${error.message}`);
    return true;
  } finally {
    assert.ok(performance.now() - began < 5000, what);
  }
}

describe("hostile checkpoints are refused in one short sentence, before anything is allocated", () => {
  it("500 mutated config.json", () => {
    const random = new Random(SEED);
    let refused = 0;
    for (let round = 0; round < 500; round++) {
      const config = JSON.stringify(mutate(tinyConfig(), random));
      if (refusedOrFine(() => parseCheckpointConfig(config, "config.json"), "config.json", `${round}`)) refused++;
    }
    assert.ok(refused > 300, `only ${refused} were refused`);
  });

  it("300 mutated tokenizer.json", () => {
    const random = new Random(SEED);
    const base: unknown = {
      ...(JSON.parse(
        tinyTokenizerJson({
          merges: 10,
          preTokenizer: {
            type: "Sequence",
            pretokenizers: [
              { type: "Split", pattern: { Regex: "\\p{L}+|\\s" }, behavior: "Isolated", invert: false },
              { type: "Digits", individual_digits: true },
              { type: "ByteLevel", add_prefix_space: false, use_regex: true },
            ],
          },
          addedTokens: [{ id: 266, content: "<x>" }],
        }),
      ) as object),
    };
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      const json = JSON.stringify(mutate(base, random));
      const use = (): void => void loadTokenizer(json, "tokenizer.json").encode("some text <x> 123");
      if (refusedOrFine(use, "tokenizer.json", `${round}`)) refused++;
    }
    assert.ok(refused > 100, `only ${refused} were refused`);
  });

  const absurd: [string, object, RegExp][] = [
    ["1e7 layers", { layers: 1e7 }, /layers: is 10,000,000; at most 1,024/],
    ["2^31 layers", { layers: 2 ** 31 }, /layers: is 2,147,483,648; at most 1,024/],
    ["2^53 - 1 layers", { layers: 2 ** 53 - 1 }, /layers: is 9,007,199,254,740,991; at most 1,024/],
    ["2^53 layers", { layers: 2 ** 53 }, /layers/],
    ["a huge width", { hidden: 2 ** 40 }, /hidden: is 1,099,511,627,776; at most 65,536/],
    ["a huge MLP", { intermediate: 2 ** 40 }, /intermediate: is .*; at most 524,288/],
    ["a huge vocabulary", { vocabulary: 2 ** 40 }, /vocabulary: is .*; at most 4,194,304/],
    ["blocks of 2^30", { block: 2 ** 30, selectedTokens: 2 ** 30 }, /block: is 1,073,741,824; at most 4,096/],
    ["a huge k", { selectedTokens: 2 ** 40 }, /selectedTokens: is .*; at most 1,048,576/],
    ["a huge context", { maxContext: 2 ** 50 }, /maxContext: is .*; at most 1,048,576/],
    ["many heads", { queryHeads: 2 ** 40, kvHeads: 2 ** 40 }, /queryHeads: is .*; at most 1,024/],
  ];
  for (const [name, change, message] of absurd) {
    it(name, async () => {
      await withCheckpoint({ config: tinyConfig({ ...TINY, ...change }) }, async (folder) => {
        await assert.rejects(loadCheckpoint(folder), (error: unknown) => {
          assert.ok(error instanceof UserError, String(error));
          assert.match(error.message, message);
          assert.match(error.message, /config\.json: architecture\./);
          return true;
        });
      });
    });
  }

  it("what is no folder, and a folder whose parts are no files", async () => {
    await withCheckpoint({}, async (folder) => {
      for (const path of [join(folder, "config.json"), "/dev/null", "/proc/self/mem"]) {
        await assert.rejects(loadCheckpoint(path), /is not a folder; give the folder that holds config\.json/);
      }
      await writeFile(join(folder, "tokenizer.json"), "");
      await assert.rejects(loadCheckpoint(folder), /tokenizer\.json is not JSON/);
    });
  });
});
