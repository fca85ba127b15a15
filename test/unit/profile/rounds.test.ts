import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { asNeeded, exactly, interleaved, type RoundPlan } from "../../../src/profile/rounds.ts";

interface Made {
  readonly rounds: number;
  readonly order: readonly string[];
  readonly expected: readonly number[];
  readonly minutes: number;
}

/** Rounds on a clock that only runs advance; `ms` of a run of `key` in a round. */
async function make(
  keys: readonly string[],
  plan: RoundPlan,
  ms: (key: string, round: number) => number,
): Promise<Made> {
  const order: string[] = [];
  const expected: number[] = [];
  let clock = 5000;
  const samples = await interleaved({
    keys,
    subject: keys[0]!,
    phase: "prefill",
    plan,
    run: (key, place) => {
      order.push(key);
      expected.push(place.expected);
      clock += ms(key, place.round);
      return Promise.resolve(ms(key, place.round));
    },
    now: () => clock,
  });
  const rounds = samples.get(keys[0]!)!.length;
  for (const of of samples.values()) assert.equal(of.length, rounds, "every key runs in every round");
  return { rounds, order, expected, minutes: (clock - 5000) / 60_000 };
}

const calm = (): number => 100;
/** Alternates so that the ratio is known badly for ever. */
const wild = (key: string, round: number): number => (key === "a" && round % 2 === 1 ? 300 : 100);

describe("interleaved rounds", () => {
  it("rotate their order, so that each goes first equally often and before each other", async () => {
    const { order } = await make(["a", "b", "c"], exactly(4), calm);
    assert.equal(order.join(""), "abcbcacababc");
    assert.equal((await make(["a", "b"], exactly(3), calm)).order.join(""), "abbaab");
  });

  it("are exactly as many as a number says, however sure or slow they are", async () => {
    for (const rounds of [1, 2, 3, 40]) {
      assert.equal((await make(["a", "b"], exactly(rounds), calm)).rounds, rounds);
      assert.equal((await make(["a", "b"], exactly(rounds), () => 1e6)).rounds, rounds);
      assert.equal((await make(["a", "b"], exactly(rounds), wild)).rounds, rounds);
    }
  });

  it("end at the first look when the ratios are known", async () => {
    for (const phase of ["prefill", "decode"] as const) {
      const plan = asNeeded(phase);
      assert.equal((await make(["a", "b", "c"], plan, calm)).rounds, plan.look);
    }
  });

  it("go on until they are small beside what processes differ by, for every other key, whatever it says", async () => {
    const plan = asNeeded("prefill");
    const noise = [0.06, -0.09, 0.03, 0.1, -0.06, 0, -0.045, 0.075, -0.09, 0.015];
    const noisy =
      (factor: number) =>
      (key: string, round: number): number =>
        key === "c" ? 100 * factor * Math.exp(noise[round % noise.length]!) : 100;
    const same = await make(["a", "b", "c"], plan, noisy(1));
    assert.ok(same.rounds > plan.look && same.rounds < plan.most, `${same.rounds} rounds`);
    // That the difference shows at once, as 3 times as fast, ends nothing: only the width counts.
    assert.equal((await make(["a", "b", "c"], plan, noisy(1 / 3))).rounds, same.rounds);
  });

  it("end with their time, but not before the least number", async () => {
    const plan = asNeeded("prefill");
    const seconds = (of: number) => (key: string, round: number) => 10 * of * wild(key, round);
    const some = await make(["a", "b"], plan, seconds(2));
    assert.ok(some.rounds > plan.least && some.rounds < plan.most, `${some.rounds} rounds`);
    assert.ok(some.minutes * 60_000 <= plan.budgetMs, `${some.minutes} minutes`);
    assert.equal((await make(["a", "b"], plan, seconds(600))).rounds, plan.least);
    assert.equal((await make(["a", "b"], plan, (key, round) => wild(key, round) / 100)).rounds, plan.most);
    const half = asNeeded("prefill", 0.5);
    assert.equal(half.budgetMs, plan.budgetMs / 2);
  });

  it("of a single key end at the first look", async () => {
    assert.equal((await make(["a"], asNeeded("decode"), wild)).rounds, asNeeded("decode").look);
  });

  it("tell how many there will be, by the pace so far", async () => {
    const { expected } = await make(["a", "b"], asNeeded("prefill"), (key, round) => 20 * wild(key, round));
    assert.equal(expected[0], asNeeded("prefill").least);
    assert.ok(expected.every((value, i) => value >= Math.floor(i / 2) + 1));
    assert.ok(expected.at(-1)! > asNeeded("prefill").least);
  });
});
