import { chooseEngine } from "./commands/choose-engine.ts";
import { chooseModel } from "./commands/choose-model.ts";
import { followCursor, goToPassage, toggleHighlights } from "./commands/highlights.ts";
import { analyzeModel, profileDocument, profileSelection, stop, sweep } from "./commands/profile.ts";
import { compare, endCompare, exportReport, openReport, showPanel, showSample } from "./commands/reports.ts";
import type { Commands } from "./host.ts";

/** What each command does; package.json contributes the same names. */
export const commands: Commands = {
  profileDocument,
  profileSelection,
  sweep,
  analyzeModel,
  chooseEngine,
  chooseModel,
  toggleHighlights,
  followCursor,
  nextPassage: (host) => goToPassage(host, "next"),
  previousPassage: (host) => goToPassage(host, "previous"),
  compare,
  endCompare,
  exportReport,
  openReport,
  showPanel,
  showSample,
  showLog: (host) => host.runtime.log.show(),
  stop,
};
