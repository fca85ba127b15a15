import type { KnownSpread } from "./known-spread.ts";
import { pairedRatio } from "./time-ratio.ts";
import { byTurns, type BeforeLayer, type TurnLength } from "./turns.ts";

/**
 * The rounds' share of an interval's width below which more of them hardly pay: at a half, the whole is 15 % wider than what
 * processes differ by makes it however many rounds there are.
 */
const SMALL = 0.5;

/** How many rounds there will be: `least` in any case, then more until the ratios are known or time or `most` ends them. */
export interface RoundPlan {
  readonly least: number;
  readonly most: number;
  /** Before so many rounds nobody looks whether the ratios are known: few samples look calm by chance. */
  readonly look: number;
  /** Milliseconds for all rounds together; the least number of rounds is made even where they take longer. */
  readonly budgetMs: number;
}

/** Exactly so many. */
export function exactly(rounds: number): RoundPlan {
  return { least: rounds, most: rounds, look: rounds, budgetMs: 0 };
}

/**
 * As many as it takes. The least numbers are what a false claim rate of 5 % needs in spite of repeated looks: see
 * time-ratio.ts. `share` of the usual budget, for a length of a sweep.
 */
export function asNeeded(phase: keyof KnownSpread, share = 1): RoundPlan {
  return phase === "prefill"
    ? { least: 4, most: 30, look: 6, budgetMs: 60_000 * share }
    : { least: 12, most: 60, look: 12, budgetMs: 15_000 * share };
}

/** Where a series of rounds stands: `round` counts from 0, `expected` is how many there will be as far as is known. */
export interface RoundPlace {
  readonly round: number;
  readonly expected: number;
}

export interface Rounds<Key> {
  readonly keys: readonly Key[];
  /** The one whose ratio to each of the others is to become known. */
  readonly subject: Key;
  readonly phase: keyof KnownSpread;
  readonly plan: RoundPlan;
  /** Makes one run and returns its milliseconds, without those it waited for its turn. */
  readonly run: (key: Key, place: RoundPlace, beforeLayer: BeforeLayer) => Promise<number>;
  /** Of the runs of a round; each is made as a whole where absent. */
  readonly turns?: TurnLength | undefined;
  /** Told that a round is over; the next one waits for it. */
  readonly onRound?: (round: number) => Promise<void>;
  /** Milliseconds; only tests have another. */
  readonly now?: () => number;
}

/**
 * Runs all keys in every round, their order rotated by one from round to round, so that drift of the machine and what a run
 * leaves behind for the next one fall on all alike; where runs take turns (turns.ts), within a round too. Ends on the *width* of the intervals only, never on what they say:
 * to stop when a difference shows would find one everywhere. Returns the samples of each key, in order of rounds.
 */
export async function interleaved<Key>(rounds: Rounds<Key>): Promise<Map<Key, number[]>> {
  const { keys, plan, run, turns, now = () => performance.now() } = rounds;
  const samples = new Map<Key, number[]>(keys.map((key) => [key, []]));
  const begin = now();
  for (let round = 0; round < plan.most; round++) {
    const each = round === 0 ? 0 : (now() - begin) / round;
    const spent = (round + 1) * each > plan.budgetMs;
    if (round >= plan.least && (spent || (round >= plan.look && known(samples, rounds)))) break;
    const expected = expectedRounds(plan, round, each);
    const order = keys.map((_, i) => keys[(i + round) % keys.length]!);
    const times = await byTurns(order, (key, beforeLayer) => run(key, { round, expected }, beforeLayer), turns);
    for (const [key, ms] of times) samples.get(key)!.push(ms);
    await rounds.onRound?.(round);
  }
  return samples;
}

function known<Key>(
  samples: ReadonlyMap<Key, readonly number[]>,
  { subject, phase }: Pick<Rounds<Key>, "subject" | "phase">,
): boolean {
  const own = samples.get(subject) ?? [];
  return [...samples].every(([key, other]) => {
    if (key === subject) return true;
    const ratio = pairedRatio(own, other, phase);
    return ratio !== undefined && ratio.width < SMALL * (ratio.high - ratio.low);
  });
}

/** As many as the budget holds at the pace so far. */
function expectedRounds({ least, most, budgetMs }: RoundPlan, done: number, each: number): number {
  const affordable = each === 0 ? least : Math.floor(budgetMs / each);
  return Math.max(done + 1, Math.min(most, Math.max(least, affordable)));
}
