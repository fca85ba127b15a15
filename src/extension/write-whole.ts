import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { commit } from "../files/commit.ts";
import { isPlainFile, planOutput } from "../files/output.ts";
import { pour } from "../files/pour.ts";

/**
 * Writes a file whole or not at all, in the manner of the command line where it is on a disk of this machine. Other file
 * systems (a remote's, an archive's) get it by their own rename.
 * @throws UserError, or Error of the file system; then nothing is left behind
 */
export async function writeWhole(target: vscode.Uri, content: string | Uint8Array): Promise<void> {
  const name = target.path.slice(target.path.lastIndexOf("/") + 1);
  if (target.scheme !== "file") return writeBeside(target, name, content);
  const output = planOutput(target.fsPath, name);
  if (isPlainFile(output)) commit([{ output, content }]);
  else await pour({ output, content });
}

async function writeBeside(target: vscode.Uri, name: string, content: string | Uint8Array): Promise<void> {
  const beside = vscode.Uri.joinPath(target, "..", `.${name.slice(0, 100)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await vscode.workspace.fs.writeFile(
      beside,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    await vscode.workspace.fs.rename(beside, target, { overwrite: true });
  } catch (error) {
    await vscode.workspace.fs.delete(beside).then(undefined, () => undefined);
    throw error;
  }
}
