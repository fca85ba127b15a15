import type { RunObserver, Stage } from "../engine.ts";
import { tellStage } from "../tell-stage.ts";
import type { GpuAllocator, GpuBlock } from "./allocator.ts";
import type { GpuDevice } from "./device.ts";
import type { Recorder } from "./recorder.ts";
import { Timestamps } from "./timestamps.ts";

/** Chunks whose times may be on their way while the next is recorded. */
const SETS = 2;

interface Sheet {
  readonly clock: Timestamps;
  readonly readback: GpuBlock;
  readonly entries: { layer: number; stage: Stage }[];
  /** Settles when its times have been told. */
  told: Promise<void>;
}

/**
 * Times stages on the device's clock: one compute pass and one pair of timestamps per stage, one query set per chunk,
 * resolved once at the chunk's end. Without an observer of stages a layer is a single pass and nothing is timed.
 */
export class StageLedger {
  readonly #device: GpuDevice;
  readonly #allocator: GpuAllocator;
  readonly #spans: number;
  readonly #sheets: Sheet[] = [];
  #next = 0;
  #open: Sheet | undefined;
  #observer: RunObserver | undefined;

  /** @param spans stages of one chunk at most */
  constructor(device: GpuDevice, allocator: GpuAllocator, spans: number) {
    this.#device = device;
    this.#allocator = allocator;
    this.#spans = spans;
  }

  /** Begins a chunk. */
  async open(observer: RunObserver | undefined): Promise<void> {
    this.#observer = observer;
    this.#open = undefined;
    if (observer?.onStage === undefined) return;
    const index = this.#next++ % SETS;
    let sheet = this.#sheets[index];
    if (sheet === undefined) {
      const clock = new Timestamps(this.#device, this.#allocator, this.#spans);
      sheet = { clock, readback: await clock.readback(), entries: [], told: Promise.resolve() };
      this.#sheets[index] = sheet;
    }
    await sheet.told;
    this.#open = sheet;
  }

  get timed(): boolean {
    return this.#open !== undefined;
  }

  /** Begins a stage: a pass of its own where stages are timed. */
  begin(recorder: Recorder, layer: number, stage: Stage): void {
    if (this.#open === undefined) return;
    this.#open.entries.push({ layer, stage });
    recorder.pass(this.#open.clock.span());
  }

  /** Ends the chunk: to be encoded after its last pass. */
  resolve(encoder: GPUCommandEncoder): void {
    this.#open?.clock.resolve(encoder, this.#open.readback);
  }

  /** After the submission: tells the observer once the times are there. */
  close(): void {
    const sheet = this.#open;
    const observer = this.#observer;
    this.#open = undefined;
    if (sheet === undefined) return;
    const entries = sheet.entries.splice(0);
    sheet.told = sheet.clock.collect(sheet.readback).then((spans) => {
      spans.forEach((ms, i) => {
        const { layer, stage } = entries[i]!;
        tellStage(observer, layer, stage, ms);
      });
    });
    // Who waits for it sees its failure; until then it must not count as unhandled.
    sheet.told.catch(() => undefined);
  }

  /** All times have been told. */
  async settle(): Promise<void> {
    for (const { told } of this.#sheets) await told;
  }

  /** Forgets a chunk that was not finished. */
  abandon(): void {
    if (this.#open !== undefined) this.#open.entries.length = 0;
    this.#open?.clock.restart();
    this.#open = undefined;
  }

  dispose(): void {
    for (const { clock, readback } of this.#sheets) {
      clock.destroy();
      this.#allocator.free(readback);
    }
    this.#sheets.length = 0;
  }
}
