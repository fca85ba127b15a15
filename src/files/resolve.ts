import { lstatSync, readFileSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** As many links as Linux follows. */
const MOST_LINKS = 40;

/** What a name stands for once every link was followed: a path, or an open file of this process. */
export type Resolved = { readonly path: string } | { readonly fd: number };

/**
 * Follows symbolic links to their end, which need not exist. /dev/stdout, /dev/fd/N and the like end at the descriptor:
 * opening what it is connected to anew would forget its place in the file, and that it appends.
 * @param path absolute
 * @throws Error of the file system when the folder does not exist or the links go round in a circle
 */
export function resolveLinks(path: string): Resolved {
  let at = path;
  for (let links = 0; links <= MOST_LINKS; links++) {
    const fd = descriptor(at);
    if (fd !== undefined) return { fd };
    const here = join(realpathSync(dirname(at)), basename(at));
    const own = descriptor(here);
    if (own !== undefined) return { fd: own };
    if (lstatSync(here, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return { path: here };
    at = resolve(dirname(here), readlinkSync(here));
  }
  throw Object.assign(new Error(`ELOOP: too many symbolic links, '${path}'`), { code: "ELOOP" });
}

function descriptor(path: string): number | undefined {
  if (process.platform === "win32") return undefined;
  const standard = ["/dev/stdin", "/dev/stdout", "/dev/stderr"].indexOf(path);
  if (standard >= 0) return standard;
  const digits = /^\/(?:dev|proc\/(self|thread-self|\d+))\/fd\/(\d+)$/.exec(path);
  if (!digits) return undefined;
  const [, owner, number] = digits;
  const other = owner !== undefined && /^\d/.test(owner) && Number(owner) !== process.pid;
  return other ? undefined : Number(number);
}

/** Whether nothing can be renamed onto `path` (a file, links followed), because something is mounted there. */
export function isMountPoint(path: string, stats: Stats): boolean {
  let mounts: string;
  try {
    mounts = readFileSync("/proc/self/mountinfo", "utf8");
  } catch {
    // Elsewhere only other disks are mounted.
    return lstatSync(dirname(path)).dev !== stats.dev;
  }
  return mounts.split("\n").some((line) => unescape(line.split(" ")[4] ?? "") === path);
}

/** The kernel writes blanks and backslashes in octal. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
