import { MOST_DECODED, MOST_REPETITIONS, MOST_THREADS, MOST_TOKENS } from "./limits.ts";
import { AUTO } from "./auto.ts";

/**
 * What a setting of a profile is called by those who set it, and what it may be; its type is in protocol/settings.ts. Plain data: the
 * editor reads it on activation, where it loads no schema.
 */
export interface SettingFacts {
  /** On the command line. */
  readonly option: string;
  /** Given anew for each of several values on the command line. */
  readonly repeated?: true;
  /** In the editor, after "hysparse."; absent where it cannot be set there. */
  readonly editor?: string;
  /** Of whole numbers. Where the least is 1, the editor's settings write 0 for "not set". */
  readonly least?: number;
  readonly most?: number;
  /** The most that the editor takes, where that is less. */
  readonly editorMost?: number;
  /** The words that it may be. */
  readonly choices?: readonly string[];
  /** What holds where nobody says anything. */
  readonly default?: string | number | boolean;
  /** The same in the editor, where that is another. */
  readonly editorDefault?: string;
}

export const SETTINGS = {
  engine: { option: "--engine", editor: "engine", default: AUTO.id },
  gpu: { option: "--gpu", editor: "gpu" },
  threads: { option: "--threads", editor: "threads", least: 1, most: MOST_THREADS },
  model: { option: "--model", editor: "model", default: "embedded" },
  variants: { option: "--variants", editor: "variants" },
  designs: { option: "--design", editor: "designs", repeated: true },
  maxTokens: { option: "--max-tokens", editor: "maxTokens", least: 1, most: MOST_TOKENS },
  decodeTokens: {
    option: "--decode",
    editor: "decodeTokens",
    least: 0,
    most: MOST_DECODED,
    editorMost: 1024,
    default: 16,
  },
  repetitions: {
    option: "--repetitions",
    editor: "repetitions",
    least: 1,
    most: MOST_REPETITIONS,
    editorMost: 100,
    default: "auto",
  },
  importance: {
    option: "--importance",
    editor: "importance",
    choices: ["last-token", "document"],
    default: "last-token",
    editorDefault: "document",
  },
  chunk: { option: "--chunk", least: 1, most: MOST_TOKENS },
  sweep: { option: "--sweep", least: 1, most: MOST_TOKENS },
  fidelity: { option: "--fidelity", editor: "selectionChecks" },
  swaps: { option: "--swaps", editor: "selectionChecks" },
  oracleMap: { option: "--oracle-map", least: 1, most: MOST_TOKENS },
  includeText: { option: "--include-text", editor: "includeText", default: false },
} as const satisfies Readonly<Record<string, SettingFacts>>;

export type SettingName = keyof typeof SETTINGS;

/** As the command line calls it: "--max-tokens". */
export function optionName(setting: SettingName): string {
  return SETTINGS[setting].option;
}

/** Whether the editor has such a setting. */
export function hasEditorName(setting: SettingName): boolean {
  const { editor }: SettingFacts = SETTINGS[setting];
  return editor !== undefined;
}

/** As the editor calls it: "hysparse.maxTokens"; where it has no such setting, the option, and whose that is. */
export function editorName(setting: SettingName): string {
  const { option, editor }: SettingFacts = SETTINGS[setting];
  return editor === undefined ? `${option} (command line)` : `hysparse.${editor}`;
}

/** Whether the command line gives each of several values an option of its own. */
export function isRepeated(setting: SettingName): boolean {
  const { repeated }: SettingFacts = SETTINGS[setting];
  return repeated === true;
}
