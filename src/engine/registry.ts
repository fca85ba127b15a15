import { UserError } from "../model/errors.ts";
import { CpuEngine } from "./cpu/engine.ts";
import type { Engine } from "./engine.ts";
import { ReferenceEngine } from "./reference/engine.ts";

interface EngineEntry {
  readonly id: string;
  readonly description: string;
  readonly create: () => Engine;
}

/** Every engine there is, the one that `auto` takes first in front. */
const ENGINES: readonly EngineEntry[] = [
  { id: "cpu", description: "onnxruntime on the CPU, float32", create: () => new CpuEngine() },
  {
    id: "reference",
    description: "plain float64 loops, for checking; slow",
    create: () => new ReferenceEngine(),
  },
];

/** Engine ids with a line each, for help texts and errors. */
export function listEngines(): readonly Pick<EngineEntry, "id" | "description">[] {
  return ENGINES;
}

/**
 * Makes the engine called `id`, and says why it is this one.
 * @throws UserError when there is no such engine, naming those there are
 */
export function createEngine(id: string): Promise<{ engine: Engine; reason: string }> {
  const entry = id === "auto" ? ENGINES[0] : ENGINES.find((engine) => engine.id === id);
  if (entry === undefined) {
    const known = ENGINES.map((engine) => `${engine.id} (${engine.description})`).join(", ");
    return Promise.reject(new UserError(`there is no engine "${id}"; there are: auto, ${known}`));
  }
  const reason = id === "auto" ? "auto: the CPU is the fastest engine of this version" : "asked for by name";
  return Promise.resolve({ engine: entry.create(), reason });
}
