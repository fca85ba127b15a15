import * as vscode from "vscode";
import { messageOf, UserError } from "../../model/errors.ts";
import { readLengths } from "../../profile/sweep-lengths.ts";
import { activeEditor, activeTab, findDocument, nameOf } from "../documents.ts";
import type { Host } from "../host.ts";
import { runProfile, type ProfileTarget } from "../profile-job.ts";
import type { ReportView } from "../report-view.ts";
import { chooseTarget } from "../target.ts";

/** What a sweep measures unless told otherwise: from where nothing is sparse to where it shows, minutes on a laptop. */
const DEFAULT_LENGTHS = "1k, 2k, 4k, 8k";

export async function profileDocument(host: Host, view: ReportView): Promise<void> {
  if (isBusy(host)) return;
  await runProfile(host, { document: await targetDocument(view) });
}

export async function profileSelection(host: Host): Promise<void> {
  if (isBusy(host)) return;
  const tab = activeTab();
  const target = chooseTarget({
    tab: tab === "ours" ? "none" : tab,
    editor: activeEditor() !== undefined,
    profiled: false,
  });
  if ("problem" in target) throw new UserError(target.problem);
  const { document, selection } = activeEditor()!;
  if (selection.isEmpty) throw new UserError("Nothing is selected. Select text to profile, or run Profile Document.");
  await runProfile(host, { document, range: new vscode.Range(selection.start, selection.end) });
}

export async function sweep(host: Host, view: ReportView): Promise<void> {
  if (isBusy(host)) return;
  const target: ProfileTarget = { document: await targetDocument(view) };
  const answer = await vscode.window.showInputBox({
    title: "HySparse: Context-Length Sweep",
    prompt: `Context lengths in tokens. Lengths beyond the end of ${nameOf(target.document)} repeat its text.`,
    value: DEFAULT_LENGTHS,
    ignoreFocusOut: true,
    validateInput: (text) => {
      try {
        readLengths(text);
        return undefined;
      } catch (error) {
        return messageOf(error);
      }
    },
  });
  if (answer !== undefined) await runProfile(host, { ...target, sweep: readLengths(answer) });
}

/** How the layers of the model that is set look at the document; its times are measured once, to be there. */
export async function analyzeModel(host: Host, view: ReportView): Promise<void> {
  if (isBusy(host)) return;
  await runProfile(host, { document: await targetDocument(view), analyze: true });
}

export function stop(host: Host): void {
  const { job } = host.session;
  if (!job || !host.abort) return;
  host.session.setJob({ ...job, stopping: true });
  host.abort.abort();
}

/** The document of the active tab, or, on one of our pages, the one whose report it shows. */
async function targetDocument(view: ReportView): Promise<vscode.TextDocument> {
  const tab = activeTab();
  const profiled = tab === "ours" ? await findDocument(view) : undefined;
  const editor = activeEditor();
  const target = chooseTarget({ tab, editor: editor !== undefined, profiled: profiled !== undefined });
  if ("problem" in target) throw new UserError(target.problem);
  return target.take === "profiled" ? profiled! : editor!.document;
}

function isBusy(host: Host): boolean {
  if (!host.session.job) return false;
  void host.messages.warn(`${host.session.job.title} is still running. Stop it, or wait until it is done.`);
  return true;
}
