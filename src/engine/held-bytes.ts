import { words } from "../model/errors.ts";

/** The way out where something is too large for a device. */
export const SMALLER = words`use fewer tokens (${{ setting: "maxTokens" }}) or a smaller ${{ setting: "chunk" }}`;

/** Counts the bytes of a device's memory that an allocator holds. */
export class HeldBytes {
  #bytes = 0;
  #peak = 0;

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The most bytes held at once since the last `resetPeak`. */
  get peakBytes(): number {
    return this.#peak;
  }

  resetPeak(): void {
    this.#peak = this.#bytes;
  }

  /** @param bytes more than before; less where it is negative */
  protected count(bytes: number): void {
    this.#bytes += bytes;
    this.#peak = Math.max(this.#peak, this.#bytes);
  }
}

/** "kv of layer 3". */
export function heldFor(purpose: string, layer: number | undefined): string {
  return layer === undefined ? purpose : `${purpose} of layer ${layer}`;
}

/** Whole MiB, rounded up. */
export function mib(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
