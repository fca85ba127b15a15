import { LOADED_AT } from "./load-clock.ts";
import * as vscode from "vscode";
import { createApi, type ExtensionApi } from "./api.ts";
import { COMMANDS } from "./command-names.ts";
import { ImportanceHover } from "./highlights/hover.ts";
import { commands } from "./commands.ts";
import { Host } from "./host.ts";
import { ReportEditor } from "./pages/report-editor.ts";

export function activate(context: vscode.ExtensionContext): ExtensionApi {
  const host = new Host(context, commands);
  context.subscriptions.push(
    host,
    ReportEditor.register(host),
    vscode.languages.registerHoverProvider({ pattern: "**" }, new ImportanceHover(host.highlighter)),
    ...COMMANDS.map((name) => vscode.commands.registerCommand(`hysparse.${name}`, () => host.run(name))),
  );
  return createApi(host, performance.now() - LOADED_AT);
}
