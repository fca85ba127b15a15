import { DEFAULT_DESIGNS } from "../designs/designs.ts";
import { VARIANTS, type Variant } from "../engine/engine.ts";

/** The settings as they are used: whatever stood in a settings file, these are in range. */
export interface Settings {
  readonly engine: string;
  readonly gpu: string | undefined;
  /** Of the CPU engine; the profiler chooses when undefined. */
  readonly threads: number | undefined;
  readonly model: string;
  readonly variants: readonly Variant[];
  /** Timed rounds; `auto` makes as many as it takes. */
  readonly repetitions: number | "auto";
  readonly decodeTokens: number;
  readonly maxTokens: number | undefined;
  readonly importance: "document" | "last-token";
  /** Also measure what the selection is worth. */
  readonly selectionChecks: boolean;
  readonly highlights: boolean;
  readonly includeText: boolean;
  readonly idleMinutes: number;
  readonly nodePath: string | undefined;
}

/** More than any machine has: how many this one has is known where the engine runs, which refuses others by name. */
const MOST_THREADS = 4096;

/** Models that are not a folder: those that run also where the workspace is not trusted. */
export const KNOWN_MODELS: readonly string[] = ["embedded", "paper-7b", "paper-80b-a3b"];

/**
 * Settings from what `read` gives for their names (without "hysparse."). Values of a wrong type or out of range, which a
 * settings file may hold, give way to the nearest right one.
 */
export function settingsFrom(read: (name: string) => unknown): Settings {
  const variants = read("variants");
  const wanted = Array.isArray(variants) ? VARIANTS.filter((variant) => variants.includes(variant)) : [];
  return {
    engine: text(read("engine")) ?? "auto",
    gpu: text(read("gpu")),
    threads: integer(read("threads"), 0, MOST_THREADS, 0) || undefined,
    model: text(read("model")) ?? "embedded",
    variants: wanted.length > 0 ? wanted : DEFAULT_DESIGNS,
    // 0 in the settings.
    repetitions: integer(read("repetitions"), 0, 100, 0) || "auto",
    decodeTokens: integer(read("decodeTokens"), 0, 1024, 16),
    maxTokens: integer(read("maxTokens"), 0, Number.MAX_SAFE_INTEGER, 0) || undefined,
    importance: read("importance") === "last-token" ? "last-token" : "document",
    selectionChecks: read("selectionChecks") === true,
    highlights: read("highlights") !== false,
    includeText: read("includeText") === true,
    idleMinutes: number(read("runtime.idleMinutes"), 0.1, 1440, 10),
    nodePath: text(read("runtime.nodePath")),
  };
}

/** Why `model` may not be loaded here, or undefined. Without trust nothing of the workspace may name a folder to read. */
export function modelProblem(model: string, trusted: boolean): string | undefined {
  if (trusted || KNOWN_MODELS.includes(model)) return undefined;
  return (
    `The checkpoint folder ${model} is not loaded in a workspace that is not trusted. Trust the workspace, or choose the ` +
    "embedded model or a preset."
  );
}

function text(value: unknown): string | undefined {
  const trimmed = typeof value === "string" ? value.trim() : "";
  return trimmed === "" ? undefined : trimmed;
}

function number(value: unknown, least: number, most: number, fallback: number): number {
  return typeof value === "number" && Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : fallback;
}

function integer(value: unknown, least: number, most: number, fallback: number): number {
  return Math.trunc(number(value, least, most, fallback));
}
