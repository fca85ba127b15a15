import {
  closeSync,
  constants,
  accessSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  type Stats,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { messageOf, UserError } from "../model/errors.ts";
import { isMountPoint, resolveLinks } from "./resolve.ts";

/** What an existing file keeps when another takes its place. */
export type Kept = Pick<Stats, "mode" | "uid" | "gid">;

/** How an output must be written, by what its name stands for. */
export type Way =
  /** Beside its place first, then renamed: whole or not at all. `kept` where there is a file already. */
  | { readonly kind: "replace"; readonly path: string; readonly kept?: Kept }
  /** A plain file that a rename would take out of its place: other links to it, a mount, another's folder. */
  | { readonly kind: "overwrite"; readonly path: string }
  /** A pipe or device. */
  | { readonly kind: "stream"; readonly path: string }
  /** An open file of this process, at its own place or end. */
  | { readonly kind: "descriptor"; readonly fd: number };

export interface Output {
  /** How messages call it: "--html r.html". */
  readonly label: string;
  readonly way: Way;
  /** Equal for two names of one file, of which only one may be written; absent for devices. */
  readonly identity?: string;
}

/**
 * Finds out how a file is to be written and that it can be, so that a long run is not made in vain. Leaves nothing behind.
 * @param path absolute
 * @param label how messages begin
 * @throws UserError
 */
export function planOutput(path: string, label: string): Output {
  try {
    return plan(path, label);
  } catch (error) {
    throw explain(label, error);
  }
}

function plan(path: string, label: string): Output {
  const resolved = resolveLinks(path);
  if ("fd" in resolved) return planDescriptor(label, resolved.fd);
  const there = statSync(path, { throwIfNoEntry: false });
  if (!there) {
    // What Node.js makes of an argument's bytes that are not UTF-8: the file would get another name.
    if (path.includes("\ufffd")) throw new UserError(`${label}: the name is not UTF-8; choose another name`);
    tryTemporary(resolved.path);
    const folder = identityOf(statSync(dirname(resolved.path))) ?? "";
    return { label, way: { kind: "replace", path: resolved.path }, identity: `${folder}/${basename(resolved.path)}` };
  }
  refuseKind(label, there);
  accessSync(path, constants.W_OK);
  const identity = identityOf(there);
  if (!there.isFile()) return { label, way: { kind: "stream", path }, ...(identity ? { identity } : {}) };
  return { label, way: wayOf(resolved.path, path, there), ...(identity ? { identity } : {}) };
}

/** Whether it is written whole or not at all, by `commit`; the others take what comes as it comes, from `pour`. */
export function isPlainFile({ way }: Output): boolean {
  return way.kind === "replace" || way.kind === "overwrite";
}

/** Which file `path` names, to tell it from others; undefined where there is none, or no plain file. */
export function fileIdentity(file: string | number): string | undefined {
  try {
    const stats = typeof file === "number" ? fstatSync(file) : statSync(file);
    return stats.isFile() ? identityOf(stats) : undefined;
  } catch {
    return undefined;
  }
}

function planDescriptor(label: string, fd: number): Output {
  const stats = fstatSync(fd);
  refuseKind(label, stats);
  if (!isOpenForWriting(fd)) throw new UserError(`${label} is not open for writing`);
  const identity = identityOf(stats);
  return { label, way: { kind: "descriptor", fd }, ...(identity ? { identity } : {}) };
}

function isOpenForWriting(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "1";
    return (parseInt(flags, 8) & (constants.O_WRONLY | constants.O_RDWR)) !== 0;
  } catch {
    // Where the system does not tell, writing will.
    return true;
  }
}

function refuseKind(label: string, stats: Stats): void {
  if (stats.isDirectory()) throw new UserError(`${label} is a directory; give a file name`);
  if (stats.isBlockDevice()) throw new UserError(`${label} is a disk; give a file name`);
  if (!stats.isFile() && !stats.isFIFO() && !stats.isCharacterDevice() && !stats.isSocket()) {
    throw new UserError(`${label} cannot be written to; give a file name`);
  }
}

function wayOf(real: string, path: string, there: Stats): Way {
  const kept: Kept = { mode: there.mode & 0o7777, uid: there.uid, gid: there.gid };
  const renamable = there.nlink === 1 && fileIdentity(real) === identityOf(there) && !isMountPoint(real, there);
  if (renamable && couldTake(real, kept)) return { kind: "replace", path: real, kept };
  return { kind: "overwrite", path };
}

function couldTake(real: string, kept: Kept): boolean {
  try {
    tryTemporary(real, kept);
    return true;
  } catch {
    return false;
  }
}

function tryTemporary(path: string, kept?: Kept): void {
  const { fd, path: probe } = openTemporary(path, kept);
  closeSync(fd);
  rmSync(probe, { force: true });
}

/**
 * A new, empty file in the folder of `path`, so that a rename stays on one disk. Its name is short whatever the file's is,
 * and ends in ".tmp", so that a crash's remains are recognised. Nobody but its owner-to-be can read it at any time.
 * @throws Error of the file system; then nothing is left behind
 */
export function openTemporary(path: string, kept?: Kept): { readonly fd: number; readonly path: string } {
  const beside = join(dirname(path), `.hysparse-${randomBytes(6).toString("hex")}.tmp`);
  const fd = openSync(beside, "wx", kept ? 0o600 : 0o666);
  try {
    if (kept) takeOver(fd, kept);
    return { fd, path: beside };
  } catch (error) {
    closeSync(fd);
    rmSync(beside, { force: true });
    throw error;
  }
}

function takeOver(fd: number, kept: Kept): void {
  if (process.platform !== "win32") {
    const { uid, gid } = fstatSync(fd);
    if (uid !== kept.uid || gid !== kept.gid) fchownSync(fd, kept.uid, kept.gid);
  }
  // After the owner: changing that drops some modes.
  fchmodSync(fd, kept.mode);
}

function identityOf(stats: Stats): string | undefined {
  return stats.isCharacterDevice() ? undefined : `${stats.dev}:${stats.ino}`;
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "cannot be written: its folder does not exist",
  EBADF: "does not exist: no such file is open",
  ENOTDIR: "cannot be written: part of its path is a file, not a folder",
  EACCES: "cannot be written: permission denied",
  EPERM: "cannot be written: permission denied",
  EROFS: "cannot be written: the disk is read-only",
  ENOSPC: "cannot be written: no space left on device",
  EDQUOT: "cannot be written: disk quota exceeded",
  ENAMETOOLONG: "cannot be written: the name is too long",
  ELOOP: "cannot be written: its symbolic links form a loop",
  EMFILE: "cannot be written: too many open files (see `ulimit -n`)",
};

/** An error of the file system as one sentence that begins with `label`. */
export function explain(label: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const problem = PROBLEMS[(error as NodeJS.ErrnoException).code ?? ""];
  return new UserError(`${label} ${problem ?? `cannot be written: ${messageOf(error)}`}`);
}
