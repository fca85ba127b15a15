import type { LayerCache } from "./body.ts";

/** Everything that one layer keeps, where that is more than one stream of keys and values. */
export class CacheSet implements LayerCache {
  readonly #caches: readonly LayerCache[];

  constructor(caches: readonly LayerCache[]) {
    this.#caches = caches;
  }

  get bytes(): number {
    return this.#caches.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async reserve(tokens: number, held: number): Promise<void> {
    for (const cache of this.#caches) await cache.reserve(tokens, held);
  }

  async mark(): Promise<void> {
    for (const cache of this.#caches) await cache.mark();
  }

  rewind(): void {
    for (const cache of this.#caches) cache.rewind();
  }

  clear(): void {
    for (const cache of this.#caches) cache.clear();
  }
}
