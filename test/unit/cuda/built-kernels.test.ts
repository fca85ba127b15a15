import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { hashOf } from "../../../src/build/attention-kernels.ts";
import {
  BUILT_CUDA,
  buildCudaKernels,
  committedCudaStamp,
  cudaSourcesHash,
  nvccVersion,
} from "../../../src/build/cuda-kernels.ts";
import { engineFiles } from "../../../src/build/natives.ts";
import { CUBIN } from "../../../src/engine/cuda/context.ts";
import { CUDA } from "../../../src/engine/cuda/row.ts";
import { packageFile } from "../../../src/model/package-root.ts";

describe("built CUDA kernels", () => {
  const stamp = committedCudaStamp();

  it("are those of the stamp, and go into the packages of the platforms that have NVIDIA's driver", () => {
    const files = readdirSync(packageFile(BUILT_CUDA)).filter((file) => file !== "stamp.json");
    assert.deepEqual(files, Object.keys(stamp.files));
    for (const file of files) assert.equal(hashOf(packageFile(`${BUILT_CUDA}/${file}`)), stamp.files[file], file);
    assert.deepEqual(engineFiles({ system: "linux", arch: "x64" }, [CUDA]), [CUBIN]);
    assert.deepEqual(engineFiles({ system: "darwin", arch: "arm64" }, [CUDA]), []);
  });

  it("were built from the sources as they are", () => {
    assert.equal(cudaSourcesHash(), stamp.sources, "run `npm run build:cuda-kernels` (nvcc of CUDA 13.0) and commit");
  });

  it("hold every kernel that the engine launches", () => {
    const cubin = readFileSync(packageFile(CUBIN), "latin1");
    const files = ["ops.ts", "full-attention.ts"].map((name) => packageFile(`src/engine/cuda/${name}`));
    const launches = files.map((file) => readFileSync(file, "utf8")).join("");
    const called = [...launches.matchAll(/(?:#(?:run|each|launch)\(|kernel =)\s*["`]([a-z_]+)/gu)].map(
      ([, name]) => name!,
    );
    assert.ok(called.length > 12, called.join());
    for (const name of called) assert.ok(cubin.includes(`.text.${name}`), name);
  });

  // Building takes seconds of a machine that has the toolkit; asked for, since compilers of one version differ by platform.
  const here = nvccVersion();
  const skip = process.env["HYSPARSE_NVCC"] !== "1" || here !== stamp.compiler;
  it("come out the same, byte for byte, where the compiler is and HYSPARSE_NVCC=1 asks", { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), "hysparse-cuda-"));
    try {
      assert.deepEqual(buildCudaKernels(folder), stamp);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
