import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { packageFile } from "../model/package-root.ts";
import { bundle, PARTS } from "./bundles.ts";
import { engineFiles, filesOf, packageFolder, nativeFiles, nativePackages } from "./natives.ts";
import { bundledPackages, notices } from "./notices.ts";
import { targetCalled } from "./targets.ts";

/** Of media/ everything is shipped but the texts that benchmarks and needle tests read. */
const MEDIA_LEFT_OUT = /^media\/heldout\//;

/** The weights are a large file that a checkout may lack. */
const EMBEDDED_WEIGHTS = "media/model/model.safetensors";

/** Of package.json everything that VS Code reads; vsce would run scripts and look for dependencies. */
const LEFT_OUT_OF_MANIFEST = ["scripts", "dependencies", "devDependencies", "private"];

/**
 * Lays out in `folder`, which is made anew, exactly the files of a package for `target`: bundles, what they read by
 * path, and the native code of that platform alone.
 *
 * @throws Error for a target that there is none of, missing weights, and a package without a licence text
 */
export async function stage(target: string, folder: string): Promise<void> {
  const platform = targetCalled(target);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const metafiles = await bundle(PARTS, { debug: false, dist: join(folder, "dist") });
  const copy = (file: string, to = file): void => copyInto(folder, file, to);

  for (const file of ["README.md", "CHANGELOG.md", "LICENSE"]) copy(file);
  const media = filesOf("media", { under: ".", name: /./ }).filter((file) => !MEDIA_LEFT_OUT.test(file));
  if (!media.includes(EMBEDDED_WEIGHTS))
    throw new Error(`${EMBEDDED_WEIGHTS} is missing, so the package would not work`);
  media.forEach((file) => copy(file));
  for (const file of engineFiles(platform)) copy(file);
  for (const file of nativeFiles(platform)) copy(file, `dist/runtime/${file}`);
  writeFileSync(join(folder, "package.json"), manifestText());
  // vsce warns where nobody says what to leave out.
  writeFileSync(join(folder, ".vscodeignore"), "# Everything in this folder was chosen: see src/build/stage.ts.\n");
  const packages = [...bundledPackages(metafiles), ...nativePackages().map(packageFolder)];
  writeFileSync(join(folder, "THIRD-PARTY-NOTICES.txt"), notices([...new Set(packages)].sort()));
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
