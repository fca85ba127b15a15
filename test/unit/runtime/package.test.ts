import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { engineFiles, nativeFiles } from "../../../src/build/natives.ts";
import { stage } from "../../../src/build/stage.ts";
import { targetCalled, TARGETS } from "../../../src/build/targets.ts";
import { pack } from "../../../src/build/vsix.ts";
import { zipEntries } from "../../../src/build/zip.ts";
import { packageFile } from "../../../src/model/package-root.ts";
import { RuntimeClient } from "../../../src/runtime/client.ts";

const HERE = `${process.platform}-${process.arch}`;
const IS_TARGET = TARGETS.some((name) => name === HERE);

describe("the package for this platform", { skip: IS_TARGET ? false : `there is none for ${HERE}` }, () => {
  const work = mkdtempSync(join(tmpdir(), "hysparse-package-"));
  const unpacked = join(work, "unpacked", "extension");
  const files: string[] = [];
  let sizes = "";

  before(async () => {
    const staged = join(work, "staged");
    const vsix = join(work, "package.vsix");
    await stage(HERE, staged);
    sizes = await pack(HERE, staged, vsix);
    rmSync(staged, { recursive: true });
    for (const entry of zipEntries(readFileSync(vsix))) {
      const target = join(work, "unpacked", entry.name);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, entry.read());
      if (entry.name.startsWith("extension/")) files.push(entry.name.slice("extension/".length));
    }
  });
  after(() => rmSync(work, { recursive: true, force: true }));

  it("says how large its parts are", () => {
    assert.match(sizes, /embedded model +\d+\.\d MB\n.*\nonnxruntime +\d+\.\d MB\n.*\nall +\d+\.\d MB$/s);
  });

  it("holds what it needs", () => {
    for (const file of [
      "dist/extension.cjs",
      "dist/runtime/server.js",
      "dist/runtime/peak-memory-child.js",
      "dist/runtime/matrix-probe-child.js",
      "dist/webview/panel.js",
      "dist/webview/panel.css",
      "media/model/model.safetensors",
      "media/report.schema.json",
      "media/samples/retry-queue.ts",
      "kernels/arithmetic/f32.wgsl",
      "kernels/built/plain.wasm",
      "kernels/built/relaxed.wasm",
      "THIRD-PARTY-NOTICES.txt",
      "LICENSE.txt",
    ]) {
      assert.ok(files.includes(file), file);
    }
  });

  it("holds no sources, tests, source maps or texts of benchmarks", () => {
    const sources = files.filter((file) => /\.(ts|tsx|mts|map|py|test\.js)$/.test(file));
    assert.deepEqual(sources, ["media/samples/retry-queue.ts"]);
    const strangers = files.filter((file) => /^(src|test|training|node_modules|docs|out)\/|heldout/.test(file));
    assert.deepEqual(strangers, []);
  });

  it("holds native code of this platform alone", () => {
    const isNative = (file: string): boolean => /\.(node|dll|dylib|so|so\.\d+)$/.test(file);
    const native = files.filter(isNative);
    const target = targetCalled(HERE);
    const wanted = nativeFiles(target).filter(isNative);
    const ours = engineFiles(target).filter(isNative);
    assert.equal(ours.length, 1);
    assert.deepEqual(native.sort(), [...ours, ...wanted.map((file) => `dist/runtime/${file}`)].sort());
    assert.ok(native.length >= 3);
  });

  it("names the licence of everything that is bundled", () => {
    const text = readFileSync(join(unpacked, "THIRD-PARTY-NOTICES.txt"), "utf8");
    for (const name of ["zod", "vscode-jsonrpc", "protobufjs", "onnxruntime-node", "webgpu", "koffi", "chart.js"]) {
      assert.match(text, new RegExp(`\\n${name.replace(".", "\\.")} \\d+\\.\\d+\\.\\d+ \\(`), name);
    }
  });

  it("asks for nothing to be installed", () => {
    const manifest = JSON.parse(readFileSync(join(unpacked, "package.json"), "utf8")) as Record<string, unknown>;
    for (const key of ["scripts", "dependencies", "devDependencies"]) assert.equal(manifest[key], undefined, key);
    assert.equal(manifest["main"], "./dist/extension.cjs");
  });

  it("profiles a file where nothing else of ours can be reached", { timeout: 120_000 }, async () => {
    const runtime = new RuntimeClient({ module: join(unpacked, "dist/runtime/server.js"), execArgv: [] });
    try {
      const devices = await runtime.devices();
      for (const { id, trouble } of devices.engines) assert.equal(trouble, undefined, `${id} can look for devices`);
      const text = readFileSync(join(unpacked, "media/samples/retry-queue.ts"), "utf8");
      const { report, selection } = await runtime.profile(
        {
          engine: "cpu",
          model: "embedded",
          folder: work,
          selectionTable: true,
          settings: {
            document: { name: "retry-queue.ts", text },
            variants: ["hysparse"],
            decodeTokens: 1,
            repetitions: 1,
            warmup: 1,
            importance: "document",
            maxTokens: 128,
            includeText: false,
          },
        },
        () => undefined,
        new AbortController().signal,
      );
      assert.equal(report.document.tokens, 128);
      assert.match(report.environment.kernels ?? "", /^native /);
      assert.ok(report.variants.hysparse!.totals.peakBytes! > 2 ** 26, "its child process was found");
      assert.equal(selection?.tokenStarts.length, 129);
    } finally {
      runtime.dispose();
    }
  });
});

describe("packages for other platforms", () => {
  for (const name of TARGETS) {
    it(`${name} finds its native files among those that are installed`, () => {
      const target = targetCalled(name);
      const files = nativeFiles(target);
      for (const file of files) assert.ok(existsSync(packageFile(file)), file);
      assert.ok(files.some((file) => basename(file) === "dawn.node"));
      const { system, arch } = target;
      const native = files.filter((file) => /\/(bin|dist)\/.*\.(node|dll|dylib|so\.\d+)$/.test(file));
      for (const file of native) assert.match(file, new RegExp(`${system}[-/](${arch}|universal)/`));
      assert.ok(files.includes(`node_modules/koffi/build/koffi/${system}_${arch}/koffi.node`));
      const ours = engineFiles(target).filter((file) => file.startsWith("kernels/built/"));
      assert.deepEqual(
        ours.map((file) => basename(file).replace(/\.(so|dylib|dll)$/, "")),
        [name, "relaxed.wasm", "plain.wasm"],
      );
    });
  }

  it("are refused by name where there is no native code", () => {
    assert.throws(() => targetCalled("darwin-x64"), /no package can be made for darwin-x64; there are: linux-x64/);
  });
});
