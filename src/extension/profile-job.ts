import * as vscode from "vscode";
import { BASELINE } from "../designs/designs.ts";
import { UserError } from "../model/errors.ts";
import type { ProfileParams } from "../protocol/jobs.ts";
import { DocumentLink, type Origin } from "./document-link.ts";
import { nameOf } from "./documents.ts";
import { sha256 } from "./hash.ts";
import type { Host } from "./host.ts";
import { tellProgress } from "./progress-notice.ts";
import type { Subject } from "./report-view.ts";
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
  let shown = false;
  try {
    const { report, selection } = await host.runtime.profile(
      paramsOf(settings, target, { name, text }),
      (progress) => {
        const { job } = host.session;
        if (job) host.session.setJob({ ...job, progress });
      },
      abort.signal,
    );
    // What random weights select means nothing.
    const table = report.model.weights === "trained" ? selection : undefined;
    const subject: Subject = { report, source: "profile", text, link, ...(table ? { table } : {}) };
    host.session.view.show(subject);
    shown = true;
    host.highlighter.set({ view: host.session.view, on: settings.highlights });
    void host.store.save(subject, link.origin);
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
