import { statSync } from "node:fs";
import type { Engine } from "../engine/engine.ts";
import type { ChosenEngine, EngineRequest } from "../engine/registry.ts";
import { UserError } from "../model/errors.ts";
import { FORMATS } from "../model/formats/formats.ts";
import type { Model } from "../model/model.ts";
import { Cancelled } from "./runtime.ts";

/** How long an engine and a model stay loaded after their last use. */
const KEEP_MS = 120_000;

export interface Loaders {
  engine(wanted: WantedEngine): Promise<ChosenEngine>;
  /** `id` is a known name or a folder. */
  model(id: string): Promise<Model>;
}

export interface WantedEngine extends EngineRequest {
  readonly id: string;
}

export interface Wanted {
  readonly engine: WantedEngine;
  readonly model: string;
}

export interface Loaded {
  readonly engine: Engine;
  readonly reason: string;
  readonly model: Model;
}

/**
 * The engine and the model of the last job: a second profile of the same kind starts without loading them. One use at a
 * time; what a use leaves behind after an error that nobody foresaw is not trusted and goes.
 */
export class Kept {
  readonly #loaders: Loaders;
  readonly #keepMs: number;
  #engine: { readonly key: string; readonly chosen: ChosenEngine } | undefined;
  #model: { readonly key: string; readonly model: Model } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(loaders: Loaders, keepMs: number = KEEP_MS) {
    this.#loaders = loaders;
    this.#keepMs = keepMs;
  }

  /** Runs `work` with what is wanted; `loading` is told, for people, what has to be loaded first. */
  async use<T>(wanted: Wanted, loading: (what: string) => void, work: (loaded: Loaded) => Promise<T>): Promise<T> {
    clearTimeout(this.#timer);
    try {
      const { engine, reason } = await this.#engineFor(wanted, loading);
      return await work({ engine, reason, model: await this.#modelFor(wanted.model, loading) });
    } catch (error) {
      if (!(error instanceof UserError || error instanceof Cancelled)) await this.release();
      throw error;
    } finally {
      if (this.#engine !== undefined) this.#timer = setTimeout(() => void this.release(), this.#keepMs).unref();
    }
  }

  async release(): Promise<void> {
    clearTimeout(this.#timer);
    const engine = this.#engine;
    this.#engine = undefined;
    this.#model = undefined;
    await engine?.chosen.engine.dispose();
  }

  async #engineFor({ engine }: Wanted, loading: (what: string) => void): Promise<ChosenEngine> {
    const key = JSON.stringify(engine);
    if (this.#engine?.key !== key) {
      // The old one first: two engines at once could need more memory than there is.
      await this.release();
      loading("starting the engine");
      this.#engine = { key, chosen: await this.#loaders.engine(engine) };
    }
    return this.#engine.chosen;
  }

  async #modelFor(id: string, loading: (what: string) => void): Promise<Model> {
    const key = `${id}\n${stamp(id)}`;
    if (this.#model?.key !== key) {
      this.#model = undefined;
      loading(`loading the model ${id}`);
      this.#model = { key, model: await this.#loaders.model(id) };
    }
    return this.#model.model;
  }
}

/** Changes when a checkpoint's files do; empty for names, and for what cannot be looked at, which loading will explain. */
function stamp(path: string): string {
  return FORMATS.flatMap((format) => format.files(path))
    .map((file) => {
      try {
        const { mtimeMs, size } = statSync(file);
        return `${mtimeMs} ${size}`;
      } catch {
        return "";
      }
    })
    .join("\n");
}
