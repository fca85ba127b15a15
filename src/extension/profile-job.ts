import * as vscode from "vscode";
import { BASELINE } from "../designs/designs.ts";
import { UserError } from "../model/errors.ts";
import type { ProfileParams, SoFar } from "../protocol/jobs.ts";
import type { Report } from "../protocol/report.ts";
import type { SelectionTable } from "../protocol/selection-table.ts";
import { DocumentLink, type Origin } from "./document-link.ts";
import { nameOf } from "./documents.ts";
import { sha256 } from "./hash.ts";
import type { Host } from "./host.ts";
import { tellProgress } from "./progress-notice.ts";
import { modelProblem, type Settings } from "./settings-values.ts";
import { readSettings } from "./settings.ts";
import { textProblem } from "./target.ts";

export interface ProfileTarget {
  readonly document: vscode.TextDocument;
  /** The part to profile; all of it when absent. */
  readonly range?: vscode.Range;
  /** Context lengths to measure besides. */
  readonly sweep?: "auto" | readonly number[];
  /** Only how the model's layers look at the document: full attention, run as briefly as can be, and the oracle map. */
  readonly analyze?: true;
}

/** One round that is not counted: the first one pays for memory and caches. */
const WARMUP = 1;

const ANALYSIS = {
  ...{ variants: [BASELINE], designs: [], repetitions: 1, decodeTokens: 0, fidelity: false, swaps: false },
  oracleMap: "auto",
} as const;

/** Panel and highlights are drawn within this time of a partial result, on processors that the next run is timed on. */
const SETTLE_MS = 150;

/**
 * Profiles a document from its text to panel and highlights. The text is taken now; edits made while the job runs are
 * followed like later ones.
 * @throws what Runtime.profile throws; UserError for a text that cannot be profiled
 */
export async function runProfile(host: Host, target: ProfileTarget): Promise<void> {
  const { document, range, sweep, analyze } = target;
  const text = document.getText(range);
  const name = range ? `${nameOf(document)}, ${linesOf(range)}` : nameOf(document);
  const problem = textProblem(text, range ? `The selection in ${nameOf(document)}` : name);
  if (problem !== undefined) throw new UserError(problem);
  const settings = readSettings(document.uri);
  const untrusted = modelProblem(settings.place.model, vscode.workspace.isTrusted);
  if (untrusted !== undefined) throw new UserError(untrusted);

  const origin: Origin = {
    uri: document.uri.toString(),
    base: range ? document.offsetAt(range.start) : 0,
    whole: range === undefined,
    length: text.length,
    sha256: sha256(text),
  };
  const link = new DocumentLink(origin, document);
  const abort = new AbortController();
  host.abort = abort;
  host.session.setJob({
    title: `${analyze ? "Analysis" : sweep ? "Sweep" : "Profile"} of ${name}`,
    progress: { kind: "phase", text: "starting" },
    stopping: false,
  });
  host.panel.show({ focus: false });
  const notice = tellProgress(host.session, () => void host.run("stop"));
  const { estimateWords, holdsResults, keptReport } = await import("./heavy.ts");
  const { view } = host.session;
  // Changed by what is told meanwhile, which the compiler does not see.
  let shown = false as boolean;
  const show = (report: Report, table?: SelectionTable): void => {
    // Somebody may have opened another report meanwhile; the link went with the one that it replaced.
    const mine = shown && view.subject?.link === link;
    if (mine) view.refine({ report, ...(table ? { table } : {}) });
    else if (!shown || report.partial === undefined) {
      const at = shown ? new DocumentLink(origin, document) : link;
      view.show({ report, source: "profile", text, link: at, ...(table ? { table } : {}) });
      shown = true;
    }
  };
  let highlighted = false;
  const highlight = ({ importance }: Report): void => {
    if (highlighted || importance === undefined) return;
    highlighted = true;
    host.highlighter.set({ view, on: settings.highlights });
  };
  const onFound = ({ report, estimate }: SoFar): void => {
    const { job } = host.session;
    if (job && estimate) host.session.setJob({ ...job, estimate: estimateWords(estimate) });
    // What was shown before stays until there is more to see than a document's name.
    if (!shown && view.subject !== undefined && !holdsResults(report)) return;
    show(report);
    highlight(report);
  };
  try {
    const { report, selection } = await host.runtime.profile(
      paramsOf(settings, target, { name, text }),
      (progress) => {
        const { job } = host.session;
        if (job) host.session.setJob({ ...job, progress });
      },
      abort.signal,
      onFound,
    );
    // What random weights select means nothing.
    show(report, report.model.weights === "trained" ? selection : undefined);
    host.highlighter.set({ view, on: settings.highlights });
    if (view.subject) void host.store.save(view.subject, origin);
  } catch (error) {
    const subject = view.subject?.link === link ? view.subject : undefined;
    const kept = keptReport(subject?.report);
    if (subject && kept) {
      view.refine({ report: kept });
      void host.store.save({ ...subject, report: kept }, origin);
    } else if (subject) view.show(undefined);
    throw error;
  } finally {
    if (!shown) link.dispose();
    notice.dispose();
    host.abort = undefined;
    host.session.setJob(undefined);
  }
}

function paramsOf(
  { place, chosen }: Settings,
  { document, sweep, analyze }: ProfileTarget,
  profiled: { readonly name: string; readonly text: string },
): ProfileParams {
  return {
    ...place,
    // A setting for whenever the CPU is used: where another engine was chosen it has nothing to say.
    ifUnderstood: ["threads"],
    folder: folderOf(document),
    selectionTable: true,
    settleMs: SETTLE_MS,
    settings: {
      ...chosen,
      document: profiled,
      warmup: WARMUP,
      ...(sweep === undefined ? {} : { sweep }),
      ...(analyze ? ANALYSIS : {}),
      // A wish that holds for every document and model: where it cannot be had, the report says so and comes without it.
      checksIfPossible: true,
      // Added to what is exported, where that is asked for: reports that are kept for a reload stay without it.
      includeText: false,
    },
  };
}

/** What a relative checkpoint folder is relative to: the workspace folder of the document, else the first one. */
function folderOf(document: vscode.TextDocument): string {
  const { workspaceFolders } = vscode.workspace;
  const folder = vscode.workspace.getWorkspaceFolder(document.uri) ?? workspaceFolders?.[0];
  return folder?.uri.scheme === "file" ? folder.uri.fsPath : "";
}

/** "lines 3-9". */
function linesOf({ start, end }: vscode.Range): string {
  // A selection that ends before a line's first character does not hold that line.
  const last = end.character === 0 && end.line > start.line ? end.line : end.line + 1;
  return start.line + 1 === last ? `line ${last}` : `lines ${start.line + 1}-${last}`;
}
