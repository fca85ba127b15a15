import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  checkpointTensors,
  denseModel,
  TINY,
  tinyConfig,
  withCheckpoint,
  type CheckpointFiles,
} from "../../fixtures/model/checkpoint-folder.ts";
import { writeSafetensors } from "../../fixtures/model/safetensors-bytes.ts";

const samples = fileURLToPath(new URL("../../../media/samples/", import.meta.url));

export interface Workspace {
  readonly path: string;
  remove(): void;
}

/**
 * A folder with the documents that the stories open, and checkpoints; they may write to it.
 * @param hostile with settings that name the checkpoint, and an executable which leaves the file "executed" behind
 */
export async function makeWorkspace({ hostile = false } = {}): Promise<Workspace> {
  const path = mkdtempSync(join(tmpdir(), "hysparse-workspace-"));
  for (const name of ["retry-queue.ts", "design-note.md"]) cpSync(join(samples, name), join(path, name));
  writeFileSync(join(path, "empty.txt"), "");
  writeFileSync(join(path, "short.txt"), "The queue keeps the order of what is due. ".repeat(12));
  writeFileSync(join(path, "picture.bin"), Buffer.from([0, 1, 2, 3, 255, 254, 0, 0]));
  const cells = [{ cell_type: "markdown", metadata: {}, source: ["# A notebook\n"] }];
  writeFileSync(join(path, "notes.ipynb"), JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: 5 }));
  const dense = writeSafetensors(await checkpointTensors(denseModel()));
  await addCheckpoint(join(path, "tiny-checkpoint"), {});
  await addCheckpoint(join(path, "dense-checkpoint"), { config: tinyConfig(TINY, "full"), weights: dense });
  await addCheckpoint(join(path, "random-checkpoint"), { config: { ...tinyConfig(), weights: "synthetic" } });
  if (hostile) plantSettings(path);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

async function addCheckpoint(target: string, files: CheckpointFiles): Promise<void> {
  await withCheckpoint(files, (folder) => cp(folder, target, { recursive: true }));
}

function plantSettings(path: string): void {
  const executable = join(path, "not-node.sh");
  writeFileSync(executable, `#!/bin/sh\ntouch '${join(path, "executed")}'\n`, { mode: 0o755 });
  mkdirSync(join(path, ".vscode"));
  const settings = { "hysparse.model": "tiny-checkpoint", "hysparse.runtime.nodePath": executable };
  writeFileSync(join(path, ".vscode", "settings.json"), JSON.stringify(settings, null, 2));
}
