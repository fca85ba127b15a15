import { resolve } from "node:path";

/** Reads that are named by a call for other reasons, and devices: what is written there is no file. */
const NO_FILES = /^\/(dev\/(?!shm\/)|proc\/)/;

export interface Bounds {
  /** What relative paths without a folder are relative to. */
  readonly cwd: string;
  /** Folders in which files may be made, changed and removed. */
  readonly mine: readonly string[];
}

/**
 * Of calls as strace -y writes them, those that reach the network, or try to change a file out of bounds, whether or not
 * they succeeded. A socket between processes counts where its name is out of bounds: resolvers are asked through such too.
 */
export function foreignCalls(lines: readonly string[], bounds: Bounds): string[] {
  return lines.filter((line) => isForeign(line, bounds));
}

function isForeign(line: string, { cwd, mine }: Bounds): boolean {
  const [, call = "", args = ""] = /^(\w+)\((.*)$/.exec(line) ?? [];
  const isMine = (path: string): boolean => mine.some((folder) => path === folder || path.startsWith(`${folder}/`));
  switch (call) {
    case "":
      return false;
    case "socket":
      return !args.startsWith("AF_UNIX,");
    case "connect":
    case "bind":
    case "sendto":
    case "sendmsg": {
      if (/sa_family=(?!AF_UNIX)/.test(args)) return true;
      const name = /sun_path=@?"([^"]*)"/.exec(args)?.[1];
      return name !== undefined && !isMine(name);
    }
    case "io_uring_setup":
      // What is asked of the kernel through a ring cannot be seen here.
      return !args.includes("ENOSYS");
    case "open":
    case "openat":
    case "openat2":
    case "creat":
      if (call !== "creat" && !/O_(WRONLY|RDWR|CREAT|TRUNC)/.test(args)) return false;
      break;
    default:
      if (!/^(mk|re?name|link|symlink|unlink|rmdir|truncate|ch|fch)/.test(call)) return false;
  }
  return paths(args, cwd).some((path) => !NO_FILES.test(path) && !isMine(path));
}

/** The files that a call names, absolute: each after the folder that it is relative to, where the call gives one. */
function paths(args: string, cwd: string): string[] {
  // What the call returned names its file once more.
  const given = args.slice(0, args.lastIndexOf(") = "));
  return [...given.matchAll(/(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"/g)].map(([, folder, path = ""]) =>
    resolve(folder ?? cwd, path),
  );
}
