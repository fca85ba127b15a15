import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { UserError } from "../model/errors.ts";
import { explain, openTemporary, type Output, type Way } from "./output.ts";

export interface Written {
  readonly output: Output;
  readonly content: string | Uint8Array;
}

type Replacement = Extract<Way, { kind: "replace" }>;

/** A step that was taken, and how to take it back. */
interface Step {
  readonly label: string;
  readonly undo: () => void;
}

/**
 * Writes plain files, all or none: what replaces a file is complete and synced beside it before the first is touched, and
 * when one cannot be put in its place, those before it are put back. Streams and descriptors are left to `pour`.
 * Synchronous, so that no signal handler runs in between.
 *
 * No library does this: write-file-atomic and atomically keep mode and owner, but know one file at a time, rename over
 * mounts, pipes and hard links, and make names longer than a file's may be.
 * @throws UserError when the disk refuses; it says what could not be put back
 */
export function commit(files: readonly Written[]): void {
  const remains: string[] = [];
  const steps: Step[] = [];
  let label = "";
  try {
    const ready: { readonly from: string; readonly to: Replacement; readonly label: string }[] = [];
    for (const { output, content } of files) {
      if (output.way.kind !== "replace") continue;
      ({ label } = output);
      ready.push({ from: writeBeside(output.way, content, remains), to: output.way, label });
    }
    for (const { output, content } of files) {
      if (output.way.kind !== "overwrite") continue;
      ({ label } = output);
      overwrite(label, output.way.path, content, steps);
    }
    for (const { from, to, label: name } of ready) {
      label = name;
      const backup = to.kept && files.length > 1 ? secondLink(to.path, remains) : undefined;
      renameSync(from, to.path);
      steps.push({ label, undo: () => putBack(to, backup) });
    }
    new Set(ready.map(({ to }) => dirname(to.path))).forEach(syncFolder);
  } catch (error) {
    const left = steps.reverse().filter(({ undo }) => !succeeds(undo));
    const problem = explain(label, error).message;
    throw new UserError(
      left.length === 0 ? problem : `${problem}; ${left.map((step) => step.label).join(" and ")} was written anyway`,
    );
  } finally {
    for (const name of remains) rmSync(name, { force: true });
  }
}

function writeBeside(to: Replacement, content: string | Uint8Array, remains: string[]): string {
  const { fd, path } = openTemporary(to.path, to.kept);
  remains.push(path);
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return path;
}

/** Writes over a file in its place; what it held is kept until all is done. */
function overwrite(label: string, path: string, content: string | Uint8Array, steps: Step[]): void {
  const before = readFileSync(path);
  steps.push({ label, undo: () => writeOver(path, before) });
  writeOver(path, content);
}

function writeOver(path: string, content: string | Uint8Array): void {
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  const fd = openSync(path, "r+");
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, at);
    ftruncateSync(fd, bytes.length);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Another name for the file that is about to be replaced; undefined where the disk knows no second names. */
function secondLink(path: string, remains: string[]): string | undefined {
  const link = join(dirname(path), `.hysparse-${randomBytes(6).toString("hex")}.tmp`);
  try {
    linkSync(path, link);
  } catch {
    return undefined;
  }
  remains.push(link);
  return link;
}

function putBack({ path, kept }: Replacement, backup: string | undefined): void {
  if (backup !== undefined) renameSync(backup, path);
  else if (kept) throw new Error("what was there has no second name");
  else rmSync(path);
}

/** So that the new name outlives a power cut, too. Not every system can. */
function syncFolder(folder: string): void {
  succeeds(() => {
    const fd = openSync(folder, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  });
}

function succeeds(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
