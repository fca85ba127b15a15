/** Machines as they are met: log times of one run after the other, the same for every variant. */

/** The same numbers on every run (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** What the next run adds to the logarithm of its time. */
export type Noise = () => number;

export const NOISES = ["even", "drifting", "spikes", "bursts", "heavy tails", "steps", "warming up"] as const;
export type NoiseName = (typeof NOISES)[number];

export function noise(name: NoiseName, random: () => number): Noise {
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  let slow = 0;
  let burst = 0;
  let level = 0;
  let run = 0;
  const noises: Record<NoiseName, Noise> = {
    even: () => 0.04 * normal(),
    // A neighbour's load that comes and goes over some five runs.
    drifting: () => {
      slow = 0.8 * slow + 0.6 * normal();
      return 0.02 * normal() + 0.05 * slow;
    },
    // One run in twelve is hit by something, by a tenth to double.
    spikes: () => 0.02 * normal() + (random() < 0.08 ? 0.1 - 0.5 * Math.log(1 - random()) : 0),
    // A backup job: up to eight runs in a row.
    bursts: () => {
      if (random() < 0.03) burst = 1 + Math.floor(random() * 8);
      return 0.02 * normal() + (burst-- > 0 ? 0.3 * random() : 0);
    },
    // Cauchy: no mean, no variance.
    "heavy tails": () => 0.01 * Math.tan(Math.PI * (random() - 0.5)),
    // The clock changes for good now and then.
    steps: () => {
      if (random() < 0.02) level = 0.1 * (random() - 0.5);
      return 0.03 * normal() + level;
    },
    // The first runs are slower, which hits whoever comes first.
    "warming up": () => 0.03 * normal() + 0.2 * Math.exp(-run++ / 4),
  };
  return noises[name];
}
