import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { readLimits, type Limits } from "../../../src/engine/control-groups.ts";

const GIB = 2 ** 30;

/** What limits a process sees whose system has these files, by path. */
function limitsOf(context: TestContext, files: Readonly<Record<string, string | number>>): Limits {
  const root = mkdtempSync(join(tmpdir(), "hysparse-groups-"));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${content}\n`);
  }
  return readLimits(root);
}

/** The files of version 2, mounted at its usual place, for a process in `group`. */
function unified(
  group: string,
  of: Readonly<Record<string, string | number>>,
  mounted = "/",
): Record<string, string | number> {
  return {
    "proc/self/cgroup": `0::${group}`,
    "proc/self/mountinfo": `35 24 0:30 ${mounted} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate`,
    ...Object.fromEntries(Object.entries(of).map(([path, content]) => [`sys/fs/cgroup/${path}`, content])),
  };
}

const MOUNTS_V1 = [
  "31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct",
  "34 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory",
  "40 30 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
].join("\n");
const UNLIMITED_V1 = "9223372036854771712";

describe("limits of control groups, version 2", () => {
  it("a quota is time per time, and memory a number of bytes", (t) => {
    const files = { "job/cpu.max": "50000 100000", "job/memory.max": 2 * GIB, "job/memory.current": GIB };
    assert.deepEqual(limitsOf(t, unified("/job", files)), { cpus: 0.5, memoryBytes: 2 * GIB, memoryLeftBytes: GIB });
  });

  it("none where none is set", (t) => {
    const files = { "job/cpu.max": "max 100000", "job/memory.max": "max", "job/memory.current": GIB };
    assert.deepEqual(limitsOf(t, unified("/job", files)), {});
  });

  it("a group above limits, too: the smallest counts", (t) => {
    const files = {
      "a/cpu.max": "150000 100000",
      "a/b/cpu.max": "max 100000",
      "a/b/c/cpu.max": "400000 100000",
      "a/memory.max": 4 * GIB,
      "a/memory.current": 3 * GIB,
      "a/b/c/memory.max": 2 * GIB,
      "a/b/c/memory.current": 0,
    };
    const limits = limitsOf(t, unified("/a/b/c", files));
    assert.deepEqual(limits, { cpus: 1.5, memoryBytes: 2 * GIB, memoryLeftBytes: GIB });
  });

  it("in a container that sees its own group alone", (t) => {
    const own = { "cpu.max": "200000 100000" };
    assert.deepEqual(limitsOf(t, unified("/", own)), { cpus: 2 }, "a name space of its own");
    assert.deepEqual(limitsOf(t, unified("/docker/4f", own, "/docker/4f")), { cpus: 2 }, "only the mount is its own");
    assert.deepEqual(limitsOf(t, unified("/../other", own)), { cpus: 2 }, "moved out of its name space");
  });

  it("files that are cached do not count as taken", (t) => {
    const files = {
      "memory.max": 2 * GIB,
      "memory.current": 2 * GIB,
      "memory.stat": `anon ${GIB / 2}\ninactive_file ${1.5 * GIB}\nactive_file 0`,
    };
    assert.equal(limitsOf(t, unified("/", files)).memoryLeftBytes, 1.5 * GIB);
  });
});

describe("limits of control groups, version 1", () => {
  const groups = "5:memory:/m/job\n2:cpu,cpuacct:/c/job\n1:name=systemd:/\n0::/";
  const files = (of: Readonly<Record<string, string | number>>): Record<string, string | number> => ({
    "proc/self/cgroup": groups,
    "proc/self/mountinfo": MOUNTS_V1,
    ...Object.fromEntries(Object.entries(of).map(([path, content]) => [`sys/fs/cgroup/${path}`, content])),
  });

  it("each controller has a hierarchy of its own", (t) => {
    const limits = limitsOf(
      t,
      files({
        "cpu,cpuacct/c/job/cpu.cfs_quota_us": 250000,
        "cpu,cpuacct/c/job/cpu.cfs_period_us": 100000,
        "cpu,cpuacct/c/cpu.cfs_quota_us": -1,
        "cpu,cpuacct/c/cpu.cfs_period_us": 100000,
        "memory/m/memory.limit_in_bytes": GIB,
        "memory/m/memory.usage_in_bytes": GIB,
        "memory/m/memory.stat": `inactive_file 0\ntotal_inactive_file ${GIB / 4}`,
        "memory/m/job/memory.limit_in_bytes": UNLIMITED_V1,
      }),
    );
    assert.deepEqual(limits, { cpus: 2.5, memoryBytes: GIB, memoryLeftBytes: GIB / 4 });
  });

  it("no quota is -1, no limit the largest number of pages", (t) => {
    const limits = limitsOf(
      t,
      files({
        "cpu,cpuacct/c/job/cpu.cfs_quota_us": -1,
        "cpu,cpuacct/c/job/cpu.cfs_period_us": 100000,
        "memory/m/job/memory.limit_in_bytes": UNLIMITED_V1,
        "memory/m/job/memory.usage_in_bytes": GIB,
      }),
    );
    assert.deepEqual(limits, {});
  });
});

describe("where there are no control groups", () => {
  it("nothing is limited", (t) => assert.deepEqual(limitsOf(t, {}), {}));

  it("nor by files that make no sense", (t) => {
    const files = { "cpu.max": "", "memory.max": "lots", "memory.current": "" };
    assert.deepEqual(limitsOf(t, unified("/", files)), {});
    assert.deepEqual(limitsOf(t, unified("/", { "cpu.max": "0 0" })), {});
    assert.deepEqual(limitsOf(t, { "proc/self/cgroup": "?", "proc/self/mountinfo": "?" }), {});
  });
});
