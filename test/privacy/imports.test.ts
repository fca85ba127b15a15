import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { packageFile } from "../../src/model/package-root.ts";

const ONLY = "src/engine/cpu/onnxruntime.ts";

/** Every file of code of ours, by its path from the root. */
function sources(folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(packageFile(folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.[cm]?[jt]s$/.test(name))
      .map((name) => join(folder, name)),
  );
}

/** Files that load one of the modules, however that is written; an import of types loads nothing. */
function loading(files: readonly string[], modules: string): string[] {
  const loads = new RegExp(
    String.raw`(?:^\s*import(?! type\b)[^;]*?|^\s*export(?! type\b)[^;]*? from |\b(?:import|require)\(|\bcreateRequire\([^)]*\)\()\s*["'](?:${modules})(?:/[^"']*)?["']`,
    "m",
  );
  return files.filter((file) => loads.test(readFileSync(packageFile(file), "utf8")));
}

const MODULE = JSON.stringify(pathToFileURL(packageFile(ONLY)).href);

function load(script: string): { readonly stdout: string; readonly stderr: string } {
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: "0" };
  const args = ["--import", "tsx", "--input-type=module", "--eval", script];
  return spawnSync(process.execPath, args, { encoding: "utf8", env, cwd: packageFile(".") });
}

describe("what may be imported where", () => {
  it("onnxruntime is loaded by the module that turns its telemetry off, and by no other", () => {
    const files = sources(["src", "kernels", "webview", "test"]);
    // A fixture shows what would happen otherwise, so that the watch is known to notice.
    const loaders = loading(files, "onnxruntime-node|onnxruntime-common|onnxruntime-web");
    assert.deepEqual(loaders.sort(), [ONLY, "test/privacy/fixtures/with-telemetry.cjs"]);
  });

  it("whoever loads it has the variable that turns its telemetry off, whatever it was before", () => {
    const { stdout, stderr } = load(`await import(${MODULE}); console.log(process.env.ORT_DISABLE_TELEMETRY)`);
    assert.equal(stdout, "1\n", stderr);
  });

  it("it is refused in a worker thread, whose environment native code does not see", () => {
    const script = `import("tsx/esm/api").then(({ tsImport }) => tsImport(${MODULE}, ${MODULE})).catch((error) => console.log(error.message))`;
    const { stdout, stderr } = load(
      `new (await import("node:worker_threads")).Worker(${JSON.stringify(script)}, { eval: true })`,
    );
    assert.match(stdout, /only loaded in a process's main thread/, stderr);
  });

  it("nothing of ours can open a connection", () => {
    const files = sources(["src", "kernels", "webview"]);
    // A pipe that was opened already is read through a socket, which an abort can end; it never connects.
    const reader = "src/cli/read-whole.ts";
    const loaders = loading(files, "(?:node:)?(?:net|tls|dgram|dns|https?|http2)|undici|axios|node-fetch|ws");
    assert.deepEqual(loaders, [reader]);
    const text = readFileSync(packageFile(reader), "utf8");
    assert.deepEqual(
      text.match(/.*(?:\bSocket\b|[cC]onnect\b|createConnection).*/g)?.map((line) => line.trim()),
      [
        'import { Socket } from "node:net";',
        "if (stat.isFIFO()) return await gather(new Socket({ fd, readable: true, writable: false }), file, source);",
      ],
    );
    const calls = /\b(?:fetch|sendBeacon)\(|\bnew (?:WebSocket|XMLHttpRequest|EventSource|WebTransport)\b/;
    assert.deepEqual(
      files.filter((file) => calls.test(readFileSync(packageFile(file), "utf8"))),
      [],
    );
  });
});
