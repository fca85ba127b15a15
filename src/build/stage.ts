import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { packageFile, packageRoot } from "../model/package-root.ts";
import { BUILT } from "./attention-kernels.ts";
import { bundle, PARTS } from "./bundles.ts";
import { bundledPackages, notices } from "./notices.ts";
import { targetCalled, type Target } from "./targets.ts";

/** Of media/ everything is shipped but the texts that benchmarks and needle tests read. */
const MEDIA_LEFT_OUT = /^media\/heldout\//;

/** The weights are a large file that a checkout may lack. */
const EMBEDDED_WEIGHTS = "media/model/model.safetensors";

/** Of package.json everything that VS Code reads; vsce would run scripts and look for dependencies. */
const LEFT_OUT_OF_MANIFEST = ["scripts", "dependencies", "devDependencies", "private"];

const ONNXRUNTIME = "node_modules/onnxruntime-node";
const ONNXRUNTIME_COMMON = "node_modules/onnxruntime-common";
const WEBGPU = "node_modules/webgpu";
const KOFFI = "node_modules/koffi";

/**
 * Lays out in `folder`, which is made anew, exactly the files of a package for `target`: bundles, what they read by
 * path, and the native code of that platform alone.
 *
 * @throws Error for a target that there is none of, missing weights, and a package without a licence text
 */
export async function stage(target: string, folder: string): Promise<void> {
  const natives = targetCalled(target);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const metafiles = await bundle(PARTS, { debug: false, dist: join(folder, "dist") });
  const copy = (file: string, to = file): void => copyInto(folder, file, to);

  for (const file of ["README.md", "CHANGELOG.md", "LICENSE"]) copy(file);
  filesUnder("kernels", /\.wgsl$/).forEach((file) => copy(file));
  const media = filesUnder("media", /./).filter((file) => !MEDIA_LEFT_OUT.test(file));
  if (!media.includes(EMBEDDED_WEIGHTS))
    throw new Error(`${EMBEDDED_WEIGHTS} is missing, so the package would not work`);
  media.forEach((file) => copy(file));
  // WebAssembly goes along: it runs where the system does not load the library.
  for (const file of [natives.kernels, "relaxed.wasm", "plain.wasm"]) copy(`${BUILT}/${file}`);
  for (const file of nativeFiles(natives)) copy(file, `dist/runtime/${file}`);
  writeFileSync(join(folder, "package.json"), manifestText());
  // vsce warns where nobody says what to leave out.
  writeFileSync(join(folder, ".vscodeignore"), "# Everything in this folder was chosen: see src/build/stage.ts.\n");
  const packages = [
    ...bundledPackages(metafiles),
    "node_modules/chart.js",
    ONNXRUNTIME,
    ONNXRUNTIME_COMMON,
    WEBGPU,
    KOFFI,
  ];
  writeFileSync(join(folder, "THIRD-PARTY-NOTICES.txt"), notices([...new Set(packages)].sort()));
}

/** The files of the packages with native code, by their path from the package's root. */
export function nativeFiles({ onnxruntime, webgpu, koffi }: Target): string[] {
  return [
    `${ONNXRUNTIME}/package.json`,
    ...filesUnder(`${ONNXRUNTIME}/dist`, /\.js$/),
    ...onnxruntime.map((file) => `${ONNXRUNTIME}/bin/napi-v6/${file}`),
    `${ONNXRUNTIME_COMMON}/package.json`,
    ...filesUnder(`${ONNXRUNTIME_COMMON}/dist/cjs`, /\.(js|json)$/),
    `${WEBGPU}/package.json`,
    `${WEBGPU}/index.js`,
    ...filesUnder(`${WEBGPU}/dist/${webgpu}`, /./),
    `${KOFFI}/package.json`,
    `${KOFFI}/index.js`,
    ...filesUnder(`${KOFFI}/build/koffi/${koffi}`, /\.node$/),
  ];
}

function filesUnder(folder: string, name: RegExp): string[] {
  return readdirSync(packageFile(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => relative(packageRoot(), join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
}

function copyInto(folder: string, file: string, to: string): void {
  const target = join(folder, to);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(packageFile(file), target, { dereference: true });
}

function manifestText(): string {
  const manifest = z
    .record(z.string(), z.unknown())
    .parse(JSON.parse(readFileSync(packageFile("package.json"), "utf8")));
  const kept = Object.fromEntries(Object.entries(manifest).filter(([key]) => !LEFT_OUT_OF_MANIFEST.includes(key)));
  return `${JSON.stringify(kept, undefined, 2)}\n`;
}
