import * as vscode from "vscode";
import { UserError } from "../../model/errors.ts";
import type { Host } from "../host.ts";
import { engineItems } from "../engine-items.ts";
import { readSettings, writeSetting } from "../settings.ts";
import { pickWhenReady } from "./pick.ts";

export async function chooseEngine(host: Host): Promise<void> {
  const { place } = readSettings();
  const item = await pickWhenReady({
    title: "HySparse: Choose Engine or GPU",
    placeholder: "Select where the model runs",
    items: async () => engineItems(await host.runtime.devices(), place),
  });
  if (!item) return;
  if (item.problem !== undefined) throw new UserError(item.problem);
  await writeSetting("engine", item.engine);
  await writeSetting("gpu", item.gpu);
  void vscode.window.setStatusBarMessage(`HySparse: engine set to ${item.label}`, 5000);
}
