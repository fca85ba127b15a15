import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withCheckpoint } from "../../fixtures/model/checkpoint-folder.ts";

const samples = fileURLToPath(new URL("../../../media/samples/", import.meta.url));

export interface Workspace {
  readonly path: string;
  remove(): void;
}

/**
 * A folder with the documents that the stories open, and a checkpoint; they may write to it.
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
  await withCheckpoint({}, async (folder) => {
    await cp(folder, join(path, "tiny-checkpoint"), { recursive: true });
  });
  if (hostile) plantSettings(path);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

function plantSettings(path: string): void {
  const executable = join(path, "not-node.sh");
  writeFileSync(executable, `#!/bin/sh\ntouch '${join(path, "executed")}'\n`, { mode: 0o755 });
  mkdirSync(join(path, ".vscode"));
  const settings = { "hysparse.model": "tiny-checkpoint", "hysparse.runtime.nodePath": executable };
  writeFileSync(join(path, ".vscode", "settings.json"), JSON.stringify(settings, null, 2));
}
