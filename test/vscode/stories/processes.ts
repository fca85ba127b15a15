import { readdirSync, readFileSync } from "node:fs";

/** Whether a process of this id runs; a dead one that nobody has waited for does not. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !zombie(pid);
}

function zombie(pid: number): boolean {
  try {
    // "pid (name) state ...": the name may hold anything, so the state is what follows the last parenthesis.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}

/** Marks whatever a test window starts, by inheritance: other windows of the machine are not looked at. */
export const MARK_VARIABLE = "HYSPARSE_TEST_MARK";

/** Processes under this mark that run one of our runtime's modules, by /proc; none where there is no /proc. */
export function runtimeProcesses(mark: string): number[] {
  const pids = ((): string[] => {
    try {
      return readdirSync("/proc").filter((name) => /^\d+$/u.test(name));
    } catch {
      return [];
    }
  })();
  return pids.map(Number).filter((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (!words.some((word) => /\/dist\/runtime\/[\w-]+\.m?js$/u.test(word))) return false;
      const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      return variables.includes(`${MARK_VARIABLE}=${mark}`) && alive(pid);
    } catch {
      return false;
    }
  });
}
