import { mean, quantile } from "simple-statistics";
import { selectedBlocks, type Architecture } from "../model/architecture.ts";
import { groupSize } from "../model/decoder.ts";
import { topBlocks, type Attended } from "./attended.ts";
import type { FidelityLayer } from "../protocol/report.ts";
import { share } from "./share.ts";

/** The report's `inheritedLow`. */
const LOW = 0.1;

/** Shares of one query head's softmax. */
type MassShares = Omit<FidelityLayer["mass"], "inheritedLow">;

/** Shares of one KV head's own top blocks. */
type BlockShares = FidelityLayer["blocks"];

/** Gathers one layer's shares over sampled queries (the report's `fidelity`). */
export class FidelityShares {
  readonly #architecture: Architecture;
  /** One for each query and query head. */
  readonly #mass: MassShares[] = [];
  /** One for each query and KV head. */
  readonly #blocks: BlockShares[] = [];

  constructor(architecture: Architecture) {
    this.#architecture = architecture;
  }

  /**
   * Takes where the query at `position`, which must see more than k / B blocks, looks, and the blocks it inherits.
   * @param inherited by KV head
   */
  add(position: number, looked: Attended, inherited: readonly (readonly number[])[]): void {
    const { kvHeads, block, window } = this.#architecture;
    const slots = selectedBlocks(this.#architecture);
    const group = groupSize(this.#architecture);
    const choices = topBlocks(this.#architecture, looked);
    for (let kvHead = 0; kvHead < kvHeads; kvHead++) {
      const [own, inheritedBlocks] = [choices[kvHead]!, inherited[kvHead]!];
      for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
        this.#mass.push(massShares(looked, head, slots, inheritedBlocks, own));
      }
      const kept = (index: number): boolean => inheritedBlocks.includes(index);
      const near = (index: number): boolean => index * block > position - window;
      this.#blocks.push({
        inherited: own.filter(kept).length / own.length,
        inheritedOrWindow: own.filter((index) => kept(index) || near(index)).length / own.length,
        random: slots / looked.visible,
      });
    }
  }

  /** Means over all that was added, which must be something. */
  report(): Pick<FidelityLayer, "mass" | "blocks"> {
    const mass = (name: keyof MassShares): number => mean(this.#mass.map((shares) => shares[name]));
    const blocks = (name: keyof BlockShares): number => mean(this.#blocks.map((shares) => shares[name]));
    return {
      mass: {
        inherited: mass("inherited"),
        inheritedLow: quantile(
          this.#mass.map(({ inherited }) => inherited),
          LOW,
        ),
        inheritedOrWindow: mass("inheritedOrWindow"),
        own: mass("own"),
        ownOrWindow: mass("ownOrWindow"),
        recent: mass("recent"),
        random: mass("random"),
        window: mass("window"),
      },
      blocks: {
        inherited: blocks("inherited"),
        inheritedOrWindow: blocks("inheritedOrWindow"),
        random: blocks("random"),
      },
    };
  }
}

function massShares(
  { visible, mass, inWindow }: Attended,
  head: number,
  slots: number,
  inherited: readonly number[],
  own: readonly number[],
): MassShares {
  const from = head * visible;
  let window = 0;
  for (let index = 0; index < visible; index++) window += inWindow[from + index]!;
  const inside = (blocks: readonly number[]): { readonly alone: number; readonly orWindow: number } => {
    let alone = 0;
    let both = 0;
    for (const index of blocks) {
      alone += mass[from + index]!;
      both += inWindow[from + index]!;
    }
    return { alone: share(alone), orWindow: share(alone + window - both) };
  };
  const newest = Array.from({ length: slots }, (_, i) => visible - 1 - i);
  const [byOracle, byItself] = [inside(inherited), inside(own)];
  return {
    inherited: byOracle.alone,
    inheritedOrWindow: byOracle.orWindow,
    own: byItself.alone,
    ownOrWindow: byItself.orWindow,
    recent: inside(newest).alone,
    // Expected: a block drawn blindly is as likely as any other, and all their shares make 1.
    random: slots / visible,
    window: share(window),
  };
}
