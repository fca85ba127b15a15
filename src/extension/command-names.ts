/** Every command of the extension, without the prefix "hysparse."; package.json contributes the same ones. */
export const COMMANDS = [
  "profileDocument",
  "profileSelection",
  "sweep",
  "analyzeModel",
  "chooseEngine",
  "chooseModel",
  "toggleHighlights",
  "followCursor",
  "nextPassage",
  "previousPassage",
  "compare",
  "endCompare",
  "exportReport",
  "openReport",
  "showPanel",
  "showSample",
  "showLog",
  "stop",
] as const;

export type CommandName = (typeof COMMANDS)[number];
