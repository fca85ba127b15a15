import * as vscode from "vscode";
import type { Host } from "../host.ts";
import { modelItems } from "../model-items.ts";
import { readSettings, writeSetting } from "../settings.ts";
import { pickWhenReady } from "./pick.ts";

export async function chooseModel(host: Host): Promise<void> {
  const scope = vscode.window.activeTextEditor?.document.uri;
  const trusted = vscode.workspace.isTrusted;
  const { model } = readSettings(scope).place;
  const item = await pickWhenReady({
    title: "HySparse: Choose Model",
    placeholder: trusted ? "Select a model" : "Select a model (checkpoint folders need a trusted workspace)",
    items: async () => modelItems(await host.runtime.devices(), model, trusted),
  });
  if (!item) return;
  const chosen = item.model ?? (await pickFolder());
  if (chosen === undefined) return;
  await writeSetting("model", chosen, scope);
  void vscode.window.setStatusBarMessage(`HySparse: model set to ${chosen}`, 5000);
}

async function pickFolder(): Promise<string | undefined> {
  const uris = await vscode.window.showOpenDialog({
    title: "HySparse: Checkpoint Folder (config.json, model.safetensors, tokenizer.json)",
    openLabel: "Use This Folder",
    canSelectFiles: false,
    canSelectFolders: true,
    canSelectMany: false,
  });
  return uris?.[0]?.fsPath;
}
