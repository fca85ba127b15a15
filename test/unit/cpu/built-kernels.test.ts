import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import {
  BUILT,
  buildAttentionKernels,
  committedStamp,
  compilerVersion,
  hashOf,
  sourcesHash,
} from "../../../src/build/attention-kernels.ts";
import { engineFiles } from "../../../src/build/natives.ts";
import { targetCalled, TARGETS } from "../../../src/build/targets.ts";
import { CPU } from "../../../src/engine/cpu/row.ts";
import { packageFile } from "../../../src/model/package-root.ts";

describe("built attention kernels", () => {
  const stamp = committedStamp();

  it("are those of the stamp, for every platform that there is a package for", () => {
    const files = readdirSync(packageFile(BUILT)).filter((file) => file !== "stamp.json");
    assert.deepEqual(files.sort(), Object.keys(stamp.files).sort());
    for (const file of files) assert.equal(hashOf(packageFile(`${BUILT}/${file}`)), stamp.files[file], file);
    const wanted = TARGETS.flatMap((target) => engineFiles(targetCalled(target), [CPU]));
    assert.deepEqual(files.map((file) => `${BUILT}/${file}`).sort(), [...new Set(wanted)].sort());
  });

  it("were built from the sources as they are", () => {
    assert.equal(
      sourcesHash(),
      stamp.sources,
      "run `npm run build:kernels` (apt-get install clang-19 lld-19) and commit",
    );
  });

  const here = compilerVersion();
  const other = here === undefined ? "clang-19 is not installed" : `${here} is not ${stamp.compiler}`;
  it(
    "come out the same, byte for byte, where the compiler is",
    { skip: here === stamp.compiler ? false : other },
    () => {
      const folder = mkdtempSync(join(tmpdir(), "hysparse-built-"));
      try {
        assert.deepEqual(buildAttentionKernels(folder), stamp);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});
