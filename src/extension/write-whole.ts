import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

/**
 * Writes a file whole or not at all: beside its place first, then renamed over it.
 * @throws Error of the file system; then nothing is left behind
 */
export async function writeWhole(target: vscode.Uri, content: string | Uint8Array): Promise<void> {
  const folder = vscode.Uri.joinPath(target, "..");
  const name = target.path.slice(target.path.lastIndexOf("/") + 1);
  const beside = vscode.Uri.joinPath(folder, `.${name}.${randomBytes(6).toString("hex")}.tmp`);
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
