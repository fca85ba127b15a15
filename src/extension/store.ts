import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { messageOf } from "../model/errors.ts";
import { DocumentLink, type Origin } from "./document-link.ts";
import { readReportFile } from "./report-file.ts";
import type { Subject } from "./report-view.ts";
import { readIndex, type StoredIndex } from "./stored-index.ts";
import { writeWhole } from "./write-whole.ts";

const INDEX_KEY = "hysparse.lastProfile";

/** Windows without a folder share one place: so many of their profiles are kept there. */
const MOST_KEPT = 5;

/**
 * Keeps the last profile across reloads of the window: report and selection as files of their own in the extension's
 * storage, the small index that names them in the workspace's state. The document's text is not kept.
 */
export class Store {
  readonly #folder: vscode.Uri;
  readonly #state: vscode.Memento;
  readonly #log: (line: string) => void;
  /** One at a time, in order. */
  #saving: Promise<void> = Promise.resolve();

  constructor(context: vscode.ExtensionContext, log: (line: string) => void) {
    this.#folder = vscode.Uri.joinPath(context.storageUri ?? context.globalStorageUri, "profiles");
    this.#state = context.workspaceState;
    this.#log = log;
  }

  /** Keeps `subject`, the result of a profile of `origin`. A failure costs only the convenience, so it is only logged. */
  save(subject: Subject, origin: Origin): Promise<void> {
    this.#saving = this.#saving
      .then(() => this.#save(subject, origin))
      .catch((error: unknown) => this.#log(`cannot keep the profile for a reload: ${messageOf(error)}`));
    return this.#saving;
  }

  /** The profile that was kept last, as far as all of it makes sense. */
  async load(): Promise<Subject | undefined> {
    const index = readIndex(this.#state.get(INDEX_KEY));
    if (!index) return undefined;
    try {
      const report = await readReportFile(this.#file(index.id, "hysparse.json"));
      const table = index.table ? await this.#table(index, report) : undefined;
      return { report, source: "profile", ...(table ? { table } : {}), link: new DocumentLink(index.origin) };
    } catch (error) {
      this.#log(`cannot read the last profile: ${messageOf(error)}`);
      return undefined;
    }
  }

  async #save({ report, table }: Subject, origin: Origin): Promise<void> {
    const { serializeLine, tableBytes } = await import("./heavy.ts");
    const id = randomBytes(8).toString("hex");
    await vscode.workspace.fs.createDirectory(this.#folder);
    await writeWhole(this.#file(id, "hysparse.json"), serializeLine(report));
    const bytes = table && tableBytes(table);
    if (bytes) await writeWhole(this.#file(id, "selection"), bytes);
    // Only now: an index never names what is not there.
    const index: StoredIndex = { id, origin, table: bytes !== undefined };
    const before = readIndex(this.#state.get(INDEX_KEY));
    await this.#state.update(INDEX_KEY, index);
    if (before) await this.#remove(before.id);
    await this.#removeOldest();
  }

  async #table(index: StoredIndex, report: Subject["report"]): Promise<Subject["table"]> {
    const { readTable } = await import("./heavy.ts");
    const table = readTable(await vscode.workspace.fs.readFile(this.#file(index.id, "selection")), report);
    if (!table) this.#log("the stored selection is invalid; Follow the Cursor works again after the next profile");
    return table;
  }

  async #removeOldest(): Promise<void> {
    const names = await vscode.workspace.fs.readDirectory(this.#folder);
    const ids = [...new Set(names.map(([name]) => name.split(".")[0] ?? ""))].filter((id) =>
      /^[0-9a-f]{16}$/u.test(id),
    );
    const times = await Promise.all(
      ids.map(async (id) => {
        const stat = await vscode.workspace.fs.stat(this.#file(id, "hysparse.json")).then(undefined, () => undefined);
        return { id, time: stat?.mtime ?? 0 };
      }),
    );
    times.sort((a, b) => b.time - a.time);
    for (const { id } of times.slice(MOST_KEPT)) await this.#remove(id);
  }

  async #remove(id: string): Promise<void> {
    for (const kind of ["hysparse.json", "selection"] as const) {
      await vscode.workspace.fs.delete(this.#file(id, kind)).then(undefined, () => undefined);
    }
  }

  #file(id: string, kind: "hysparse.json" | "selection"): vscode.Uri {
    return vscode.Uri.joinPath(this.#folder, `${id}.${kind}`);
  }
}
