import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadTokenizer } from "../../../src/model/bpe.ts";
import { atOnce, inTurns } from "../../../src/model/in-steps.ts";
import { Random } from "../../../src/model/random.ts";
import { tinyTokenizerJson } from "../../fixtures/model/tiny-tokenizer.ts";

const PIECES = ["word", " ", "\n", "\r\n", "é", "漢字", "🙂", "'s", "123", "\ud83d", "\t", "...", "x".repeat(900)];

function randomText(random: Random, pieces: number): string {
  return Array.from({ length: pieces }, () => PIECES[random.uint32() % PIECES.length]).join("");
}

describe("computing in steps", () => {
  it("gives the same tokens as at once", async () => {
    const tokenizer = loadTokenizer(tinyTokenizerJson(), "tiny");
    const random = new Random(11);
    for (const pieces of [0, 1, 50, 500]) {
      const text = randomText(random, pieces);
      assert.deepEqual(await inTurns(tokenizer.encodeInSteps(text)), tokenizer.encode(text));
    }
  });

  it("lets the event loop have its turn, and stops when asked", async () => {
    function* endless(): Generator<undefined, never> {
      for (;;) yield;
    }
    const stop = new AbortController();
    let turns = 0;
    const timer = setInterval(() => {
      if (++turns === 3) stop.abort(new Error("enough"));
    }, 1);
    await assert.rejects(inTurns(endless(), stop.signal), /enough/);
    clearInterval(timer);
  });

  it("passes on what the computation throws", async () => {
    // eslint-disable-next-line require-yield
    function* broken(): Generator<undefined, never> {
      throw new Error("broken");
    }
    assert.throws(() => atOnce(broken()), /broken/);
    await assert.rejects(inTurns(broken()), /broken/);
  });
});
