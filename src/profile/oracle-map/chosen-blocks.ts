import type { Architecture } from "../../model/architecture.ts";
import { rankedBlocks, type Attended } from "../attended.ts";

/** The blocks that one query chooses, for each KV head, most wanted first: the first n of them are its choice of n. */
export class ChosenBlocks {
  readonly #slots: number;
  /** [Hkv, slots] */
  readonly #blocks: Uint32Array;

  /** @param blocks of every KV head [Hkv, slots] */
  constructor(blocks: Uint32Array, kvHeads: number) {
    this.#blocks = blocks;
    this.#slots = blocks.length / kvHeads;
  }

  /** At most `count` blocks of a KV head. */
  of(kvHead: number, count: number): Uint32Array {
    const from = kvHead * this.#slots;
    return this.#blocks.subarray(from, from + Math.min(count, this.#slots));
  }
}

/** What a query chooses by its own scores, `most` blocks at most. */
export function ownBlocks({ kvHeads }: Architecture, looked: Attended, most: number): ChosenBlocks {
  const lists = Array.from({ length: kvHeads }, (_, kvHead) => rankedBlocks(looked, kvHead).slice(0, most));
  return new ChosenBlocks(Uint32Array.from(lists.flat()), kvHeads);
}

/** The first block, which most heads hardly do without, and the newest ones. */
export function newestBlocks({ kvHeads }: Architecture, visible: number, most: number): ChosenBlocks {
  const newest = Array.from({ length: Math.min(most, visible) }, (_, i) => (i === 0 ? 0 : visible - i));
  const lists = Array.from({ length: kvHeads }, () => newest);
  return new ChosenBlocks(Uint32Array.from(lists.flat()), kvHeads);
}
