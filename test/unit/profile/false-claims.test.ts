import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BETWEEN_RUNNERS } from "../../../src/profile/known-spread.ts";
import { asNeeded, exactly, interleaved, type RoundPlan } from "../../../src/profile/rounds.ts";
import { excludesOne, pairedRatio } from "../../../src/profile/time-ratio.ts";
import { noise, NOISES, randomNumbers, type NoiseName } from "./noise.ts";

const PROFILES = 1500;

interface Outcome {
  readonly claims: number;
  readonly covered: number;
  readonly rounds: number;
}

/** Profiles "a" against "b", which takes `factor` times as long, again and again; shares of the profiles. */
async function simulate(
  name: NoiseName,
  phase: "prefill" | "decode",
  plan: RoundPlan,
  { factor = 1, variants = 2, ms = 1000, persists = BETWEEN_RUNNERS[phase] } = {},
): Promise<Outcome> {
  const random = randomNumbers(7);
  const keys = ["a", "b", "c"].slice(0, variants);
  let [claims, covered, rounds] = [0, 0, 0];
  for (let profile = 0; profile < PROFILES; profile++) {
    const disturb = noise(name, random);
    // What rounds cannot show: this process favours one of the runners throughout.
    const placed = persists * (random() + random() + random() - 1.5) * 2;
    let clock = 0;
    const samples = await interleaved({
      keys,
      subject: "b",
      phase,
      plan,
      run: (key) => {
        const time = ms * Math.exp(disturb()) * (key === "b" ? factor * Math.exp(placed) : 1);
        clock += time;
        return Promise.resolve(time);
      },
      now: () => clock,
    });
    const ratio = pairedRatio(samples.get("b")!, samples.get("a")!, phase)!;
    if (excludesOne(ratio)) claims++;
    if (ratio.low <= factor && factor <= ratio.high) covered++;
    rounds += samples.get("a")!.length;
  }
  return { claims: claims / PROFILES, covered: covered / PROFILES, rounds: rounds / PROFILES };
}

describe("a variant against itself", () => {
  for (const name of NOISES) {
    it(`makes at most 5 false claims in 100 profiles, however often the rounds are looked at: ${name}`, async () => {
      for (const [phase, plan, options] of [
        // A round of 2 s, and one of 7 s as on the sample document; two variants and three.
        ["prefill", asNeeded("prefill"), {}],
        ["prefill", asNeeded("prefill"), { variants: 3, ms: 2400 }],
        ["decode", asNeeded("decode"), { ms: 270 }],
        ["decode", asNeeded("decode"), { ms: 10, variants: 3 }],
        ["prefill", exactly(3), {}],
        ["decode", exactly(7), {}],
      ] as const) {
        const { claims, covered, rounds } = await simulate(name, phase, plan, options);
        const told = `${phase}, ${JSON.stringify(options)}: ${rounds.toFixed(1)} rounds, ${claims} claim`;
        assert.ok(claims <= 0.05, told);
        assert.ok(covered >= 0.95, told);
      }
    });
  }
});

describe("a real difference", () => {
  // About the smallest that nineteen of twenty profiles find in spite of what processes differ by.
  for (const [phase, factor, ms] of [
    ["prefill", 1.2, 1000],
    ["decode", 1.3, 270],
  ] as const) {
    for (const name of NOISES) {
      it(`of ${factor}x in ${phase} is claimed by 19 of 20 profiles and covered by 19 of 20 intervals: ${name}`, async () => {
        const { claims, covered, rounds } = await simulate(name, phase, asNeeded(phase), { factor, ms });
        assert.ok(claims >= 0.95, `${claims} claim it after ${rounds.toFixed(1)} rounds`);
        assert.ok(covered >= 0.95, `${covered} cover it`);
      });
    }
  }
});
