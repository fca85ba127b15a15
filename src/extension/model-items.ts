import type { Devices } from "../protocol/jobs.ts";
import { KNOWN_MODELS } from "./settings-values.ts";

export interface ModelItem {
  readonly label: string;
  readonly description: string;
  readonly detail: string;
  /** Value of the setting; undefined asks for a folder. */
  readonly model: string | undefined;
}

/** What can be chosen: the models of the runtime and, in a trusted workspace, a checkpoint folder. The current is marked. */
export function modelItems({ models }: Pick<Devices, "models">, current: string, trusted: boolean): ModelItem[] {
  const items: ModelItem[] = models.map(({ id, description }) => ({
    label: id,
    description: id === current ? "current" : "",
    detail: description,
    model: id,
  }));
  if (!trusted) return items;
  const isFolder = !KNOWN_MODELS.includes(current);
  items.push({
    label: "Checkpoint Folder...",
    description: isFolder ? `current: ${current}` : "",
    detail: "Your own weights: a folder with config.json, model.safetensors and tokenizer.json",
    model: undefined,
  });
  return items;
}
