import { readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

/** What the control groups of this process allow it: a container's limits, in most cases. Absent: no limit. */
export interface Limits {
  /** CPU time per time: 0.5 is half of one core. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  /** Of that memory, what is not taken yet. Files that are cached count as free: the system drops them when it must. */
  readonly memoryLeftBytes?: number;
}

/** One hierarchy of control groups as this process sees it. */
interface Hierarchy {
  readonly version: 1 | 2;
  /** The process's own group, then those above it that can be seen, each of which limits it. */
  readonly groups: readonly string[];
}

/** The limits of this process's group and of all groups above it (Linux, cgroup v1 and v2; none elsewhere). */
export function readLimits(root = "/"): Limits {
  const cpu = hierarchyOf("cpu", root);
  const memory = hierarchyOf("memory", root);
  return {
    ...least("cpus", cpu?.groups.map((group) => quota(group, cpu.version)) ?? []),
    ...least("memoryBytes", memory?.groups.map((group) => memoryLimit(group, memory.version)) ?? []),
    ...least("memoryLeftBytes", memory?.groups.map((group) => memoryLeft(group, memory.version)) ?? []),
  };
}

function least<K extends keyof Limits>(name: K, values: readonly (number | undefined)[]): Pick<Limits, K> | object {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? {} : { [name]: Math.min(...known) };
}

/**
 * Where the groups lie that control `controller`. On a system with both versions a controller belongs to one of them; its
 * files are only in that one's folders.
 */
function hierarchyOf(controller: string, root: string): Hierarchy | undefined {
  const memberships = lines(join(root, "proc/self/cgroup")).map((line) => line.split(":"));
  const mounts = lines(join(root, "proc/self/mountinfo")).flatMap(mountOf);
  const has = (list: string | undefined): boolean => list?.split(",").includes(controller) === true;
  const old = memberships.find(([, controllers]) => has(controllers));
  const membership = old ?? memberships.find(([id, controllers]) => id === "0" && controllers === "");
  const version = old === undefined ? 2 : 1;
  const mount = mounts.find(({ type, options }) =>
    version === 2 ? type === "cgroup2" : type === "cgroup" && has(options),
  );
  if (membership === undefined || mount === undefined) return undefined;
  // A container may see its own group alone, mounted as if it were the highest; paths from outside of that begin with "..".
  const path = membership.slice(2).join(":");
  const below = posix.relative(mount.root, path);
  const top = join(root, mount.at);
  const groups = [below.startsWith("..") ? top : join(top, below)];
  for (let group = groups[0] ?? top; group !== top;) {
    group = dirname(group);
    groups.push(group);
  }
  return { version, groups };
}

interface Mount {
  /** Of the hierarchy, the group that is mounted. */
  readonly root: string;
  readonly at: string;
  readonly type: string;
  readonly options: string;
}

/** A line of mountinfo: id, parent, device, root, place, options and optional fields, "-", type, source, options. */
function mountOf(line: string): Mount[] {
  const [before = "", after = ""] = line.split(" - ");
  const [, , , root, at] = before.split(" ").map(unescaped);
  const [type, , options = ""] = after.split(" ");
  return root === undefined || at === undefined || type === undefined ? [] : [{ root, at, type, options }];
}

/** Blanks and the like are written as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

function quota(group: string, version: 1 | 2): number | undefined {
  // "max 100000" and -1 are no limit.
  const [time, period] =
    version === 2
      ? (lines(join(group, "cpu.max"))[0]?.split(" ") ?? [])
      : [lines(join(group, "cpu.cfs_quota_us"))[0], lines(join(group, "cpu.cfs_period_us"))[0]];
  const cpus = Number(time) / Number(period);
  return cpus > 0 && Number.isFinite(cpus) ? cpus : undefined;
}

function memoryLimit(group: string, version: 1 | 2): number | undefined {
  const bytes = Number(lines(join(group, version === 2 ? "memory.max" : "memory.limit_in_bytes"))[0]);
  // Version 1 says "no limit" as the largest number of pages.
  return Number.isFinite(bytes) && bytes < 2 ** 60 ? bytes : undefined;
}

function memoryLeft(group: string, version: 1 | 2): number | undefined {
  const limit = memoryLimit(group, version);
  const used = Number(lines(join(group, version === 2 ? "memory.current" : "memory.usage_in_bytes"))[0]);
  if (limit === undefined || !Number.isFinite(used)) return limit;
  const cachedName = version === 2 ? "inactive_file" : "total_inactive_file";
  const cached = Number(
    lines(join(group, "memory.stat"))
      .find((line) => line.startsWith(`${cachedName} `))
      ?.split(" ")[1] ?? 0,
  );
  return Math.max(0, limit - Math.max(0, used - cached));
}

/** None where there is no such file, or it may not be read. */
function lines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n");
  } catch {
    return [];
  }
}
