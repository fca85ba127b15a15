import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { z } from "zod";
import { packageFile } from "../../../src/model/package-root.ts";

/**
 * The packages that want to run something when they are installed. .npmrc lets none: whoever adds a package to this list
 * says here why it works without its script.
 */
const SCRIPTS: Readonly<Record<string, string>> = {
  "node_modules/@vscode/vsce-sign": "copies a program that signs extensions; we sign none",
  "node_modules/esbuild":
    "puts its program in place of a JavaScript launcher, and checks it; the launcher finds it too",
  "node_modules/keytar":
    "optional, of vsce: downloads or builds a key store for the marketplace's tokens; we publish nothing",
  "node_modules/koffi": "compiles its library where none is in the package; ours are",
  "node_modules/onnxruntime-node": "downloads the CUDA provider; the CPU provider is in the package",
  "node_modules/protobufjs": "warns of version ranges; nothing is made",
  "node_modules/webgpu": "on macOS takes a quarantine mark off its library, which npm's downloads do not bear",
};

it("no other package than those that work without has an install script", () => {
  const lock = z
    .object({ packages: z.record(z.string(), z.object({ hasInstallScript: z.boolean().optional() })) })
    .parse(JSON.parse(readFileSync(packageFile("package-lock.json"), "utf8")));
  const found = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
  assert.deepEqual(found.map(([name]) => name).sort(), Object.keys(SCRIPTS).sort());
});

it("npm runs none of them, and no script of ours counts on npm's running another before or after it", () => {
  assert.match(readFileSync(packageFile(".npmrc"), "utf8"), /^ignore-scripts=true$/m);
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(packageFile("package.json"), "utf8")));
  const names = Object.keys(scripts);
  assert.deepEqual(
    names.filter((name) => names.includes(name.replace(/^(pre|post)/, "")) && /^(pre|post)/.test(name)),
    [],
  );
  const ofInstalling = ["preinstall", "install", "postinstall", "prepare"];
  assert.deepEqual(
    names.filter((name) => ofInstalling.includes(name)),
    [],
  );
});
