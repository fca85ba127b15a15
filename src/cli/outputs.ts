import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../model/errors.ts";

/** A file that the run will write. */
export interface Target {
  /** The option that named it, for messages: "--html". */
  readonly option: string;
  /** As typed. */
  readonly name: string;
  /** The real path, links followed. */
  readonly path: string;
}

/**
 * Finds out before a long run whether its results can be written: the folder exists and takes files, nothing but a plain
 * file is replaced, no two outputs are one file, and none is the document itself.
 * @throws UserError naming the option
 */
export function checkTargets(
  wanted: readonly { readonly option: string; readonly name: string }[],
  folder: string,
  document?: string,
): Target[] {
  const taken = new Map<string, string>();
  if (document !== undefined) taken.set(realPath(resolve(folder, document)), "the document itself");
  return wanted.map(({ option, name }) => {
    const path = realPath(resolve(folder, name));
    const parent = look(dirname(path));
    if (!parent) throw new UserError(`${option} ${name}: the folder ${dirname(name)} does not exist`);
    if (!parent.isDirectory()) throw new UserError(`${option} ${name}: ${dirname(name)} is not a folder`);
    const there = look(path);
    if (there?.isDirectory()) throw new UserError(`${option} ${name} is a directory; name a file in it`);
    if (there && !there.isFile()) throw new UserError(`${option} ${name} is not a plain file, so it is not replaced`);
    const other = taken.get(path);
    if (other !== undefined) throw new UserError(`${option} ${name} would overwrite ${other}`);
    taken.set(path, `what ${option} writes`);
    const probe = temporary(path);
    attempt(option, name, () => writeFileSync(probe, "", { flag: "wx" }));
    rmSync(probe, { force: true });
    return { option, name, path };
  });
}

/**
 * Writes all files whole: each to a temporary file beside its place, synced, and only when all are complete renamed.
 * Synchronous, so that no signal handler runs in between.
 * @throws UserError when the disk refuses; then nothing is left behind
 */
export function writeAll(files: readonly { readonly target: Target; readonly content: string }[]): void {
  const written: { readonly from: string; readonly target: Target }[] = [];
  try {
    for (const { target, content } of files) {
      const from = temporary(target.path);
      written.push({ from, target });
      attempt(target.option, target.name, () => writeSynced(from, content));
    }
    for (const { from, target } of written) attempt(target.option, target.name, () => renameSync(from, target.path));
  } finally {
    for (const { from } of written) rmSync(from, { force: true });
  }
}

function writeSynced(path: string, content: string): void {
  const file = openSync(path, "wx");
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** In the same folder, so that the rename stays on one disk; ".tmp" so that a crash's remains are recognised. */
function temporary(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
}

/** The path with links followed as far as it exists. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

function look(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function attempt(option: string, name: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    throw new UserError(
      `${option} ${name} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
