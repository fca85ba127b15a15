import { DEFAULT_DESIGNS } from "../designs/designs.ts";
import { VARIANTS } from "../engine/engine.ts";
import { SETTINGS, type SettingFacts, type SettingName } from "../model/setting-table.ts";
import type { Chosen, Place } from "../protocol/settings.ts";

/** The settings as they are used: whatever stood in a settings file, these are in range. */
export interface Settings {
  readonly place: Place;
  readonly chosen: Omit<Chosen, "includeText">;
  /** In exports. */
  readonly includeText: boolean;
  readonly highlights: boolean;
  readonly idleMinutes: number;
  readonly nodePath: string | undefined;
}

/** Models that are not a folder: those that run also where the workspace is not trusted. */
export const KNOWN_MODELS: readonly string[] = ["embedded", "paper-7b", "paper-80b-a3b"];

/**
 * Settings from what `read` gives for their names (without "hysparse."). Values of a wrong type or out of range, which a
 * settings file may hold, give way to the nearest right one.
 */
export function settingsFrom(read: (name: string) => unknown): Settings {
  const gpu = text(read("gpu"));
  const threads = whole(read, "threads");
  const maxTokens = whole(read, "maxTokens");
  const variants = read("variants");
  const wanted = Array.isArray(variants) ? VARIANTS.filter((variant) => variants.includes(variant)) : [];
  const designs = read("designs");
  // Read where the model is known, which says what is wrong with one.
  const named = Array.isArray(designs) ? designs.filter((design) => typeof design === "string") : [];
  const { choices, editorDefault } = SETTINGS.importance;
  return {
    place: {
      engine: text(read("engine")) ?? SETTINGS.engine.default,
      ...(gpu === undefined ? {} : { gpu }),
      ...(threads === 0 ? {} : { threads }),
      model: text(read("model")) ?? SETTINGS.model.default,
    },
    chosen: {
      variants: wanted.length > 0 ? wanted : DEFAULT_DESIGNS,
      ...(named.length > 0 ? { designs: named } : {}),
      repetitions: whole(read, "repetitions") || SETTINGS.repetitions.default,
      decodeTokens: whole(read, "decodeTokens"),
      ...(maxTokens === 0 ? {} : { maxTokens }),
      importance: choices.find((choice) => choice === read("importance")) ?? editorDefault,
      // The one setting asks for all checks.
      ...(read("selectionChecks") === true ? { fidelity: true, swaps: true } : {}),
    },
    includeText: read("includeText") === true,
    highlights: read("highlights") !== false,
    idleMinutes: number(read("runtime.idleMinutes"), 0.1, 1440, 10),
    nodePath: text(read("runtime.nodePath")),
  };
}

/** Why `model` may not be loaded here, or undefined. Without trust nothing of the workspace may name a folder to read. */
export function modelProblem(model: string, trusted: boolean): string | undefined {
  if (trusted || KNOWN_MODELS.includes(model)) return undefined;
  return (
    `The checkpoint folder ${model} is not loaded in Restricted Mode. Trust the workspace, or choose the ` +
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

/** A whole number in the editor's bounds; 0 where it is not set and nothing holds then. */
function whole(read: (name: string) => unknown, name: SettingName): number {
  const { editor = name, most = Infinity, editorMost = most, default: unsaid }: SettingFacts = SETTINGS[name];
  return Math.trunc(number(read(editor), 0, editorMost, typeof unsaid === "number" ? unsaid : 0));
}
