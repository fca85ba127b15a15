import type { CommandName } from "./command-names.ts";
import { chooseEngine } from "./commands/choose-engine.ts";
import { chooseModel } from "./commands/choose-model.ts";
import { followCursor, goToPassage, toggleHighlights } from "./commands/highlights.ts";
import { profileDocument, profileSelection, stop, sweep } from "./commands/profile.ts";
import { compare, endCompare, exportReport, openReport, showPanel, showSample } from "./commands/reports.ts";
import type { Host } from "./host.ts";
import type { ReportView } from "./report-view.ts";

/** `view` is what the command means by "the report": of the page in front, or the panel's. */
export type Command = (host: Host, view: ReportView) => void | Promise<void>;

/** What each command does; package.json contributes the same names. */
export const commands: Readonly<Record<CommandName, Command>> = {
  profileDocument,
  profileSelection,
  sweep,
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
