import * as vscode from "vscode";
import { messageOf, UserError } from "../model/errors.ts";
import { decodeUtf8 } from "../model/utf8.ts";
import type { Report } from "../protocol/report.ts";
import { MAX_REPORT_BYTES } from "../report/limits.ts";

/** @throws UserError that names the file, when it cannot be read or is no report */
export async function readReportFile(uri: vscode.Uri): Promise<Report> {
  const name = uri.path.slice(uri.path.lastIndexOf("/") + 1);
  const bytes = await readBytes(uri, name);
  const { readReport } = await import("./heavy.ts");
  return readReport(decodeUtf8(bytes, name), name);
}

async function readBytes(uri: vscode.Uri, name: string): Promise<Uint8Array> {
  let size: number;
  try {
    ({ size } = await vscode.workspace.fs.stat(uri));
    if (size <= MAX_REPORT_BYTES) return await vscode.workspace.fs.readFile(uri);
  } catch (error) {
    throw new UserError(`${name} cannot be read: ${messageOf(error)}`);
  }
  throw new UserError(`${name} is too large for a report: ${Math.round(size / 2 ** 20)} MiB`);
}
