import { readdirSync, rmSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { build, context, type BuildContext, type BuildOptions, type Metafile } from "esbuild";
import type { PageCode } from "../../webview/export.ts";
import { ENGINES } from "../engine/registry.ts";
import { packageRoot } from "../model/package-root.ts";
import { heavyApart, vscodeAsItIs } from "./extension-plugins.ts";
import { nativePackages } from "./natives.ts";
import { oneLanguage } from "./one-language.ts";

/** What dist/ is made of: the extension's entry, the runtime's processes, the panel's page. */
export const PARTS = ["extension", "runtime", "webview"] as const;
export type Part = (typeof PARTS)[number];

/** Modules that run as processes of their own: processModule() of model/package-root.ts finds them in dist/runtime. */
const PROCESSES = [
  "src/runtime/server.ts",
  "src/profile/peak-memory-child.ts",
  ...ENGINES.flatMap(({ processes }) => processes),
];

/** Packages written for CommonJS call require() also from inside an ES module's bundle. */
const REQUIRE_IN_ESM = `import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url);`;

/** CommonJS has no import.meta. */
const URL_IN_CJS = `const __moduleUrl = require("node:url").pathToFileURL(__filename).href;`;

/** What the extension loads after its activation, as a file of its own. */
const HEAVY = "src/extension/heavy.ts";

export interface BundleOptions {
  /** Keep names and make source maps. */
  readonly debug: boolean;
  /** Where the bundles go; dist/ of the package when absent. */
  readonly dist?: string;
}

function optionsOf(part: Part, { debug, dist = ownDist() }: BundleOptions): BuildOptions {
  const common: BuildOptions = {
    absWorkingDir: packageRoot(),
    bundle: true,
    minify: !debug,
    sourcemap: debug ? "linked" : false,
    // Licences are kept in one file: see notices.ts.
    legalComments: "none",
    logLevel: "warning",
    plugins: [oneLanguage],
  };
  switch (part) {
    case "extension":
      return {
        ...common,
        entryPoints: { extension: "src/extension/extension.ts", heavy: HEAVY },
        outdir: dist,
        outExtension: { ".js": ".cjs" },
        platform: "node",
        format: "cjs",
        target: "node20",
        external: ["vscode"],
        banner: { js: URL_IN_CJS },
        define: { "import.meta.url": "__moduleUrl" },
        // require() in its place: VS Code's hosts cannot all import().
        supported: { "dynamic-import": false },
        plugins: [oneLanguage, heavyApart, vscodeAsItIs],
      };
    case "runtime":
      return {
        ...common,
        entryPoints: PROCESSES,
        outdir: join(dist, "runtime"),
        entryNames: "[name]",
        chunkNames: "chunk-[hash]",
        platform: "node",
        format: "esm",
        splitting: true,
        target: "node20",
        // They stay beside the bundle as they are.
        external: nativePackages().map(({ name }) => name),
        banner: { js: REQUIRE_IN_ESM },
      };
    case "webview":
      return {
        ...common,
        entryPoints: { panel: "webview/main.ts" },
        outdir: join(dist, "webview"),
        platform: "browser",
        format: "iife",
        target: "chrome120",
        // They go along in exported pages.
        legalComments: "eof",
      };
  }
}

/** Makes the parts of dist/ anew and says what went into them. */
export async function bundle(parts: readonly Part[], options: BundleOptions): Promise<Metafile[]> {
  return Promise.all(
    parts.map(async (part) => {
      const { metafile } = await build({ ...optionsOf(part, options), metafile: true });
      // Only now, and only what is stale: a runtime that is working starts its children from these files.
      removeAllBut(Object.keys(metafile.outputs), folderOf(part, options));
      return metafile;
    }),
  );
}

/**
 * The page's script and style sheet as the part "webview" has them, made in memory: the command line runs from the sources, where
 * nothing was built, and an export must not carry what an older build left.
 */
export async function pageCode(): Promise<PageCode> {
  const { outputFiles } = await build({ ...optionsOf("webview", { debug: false }), write: false });
  const text = (ending: string): string => outputFiles.find(({ path }) => extname(path) === ending)?.text ?? "";
  return { script: text(".js"), style: text(".css") };
}

/** Makes the parts again whenever a source changes, until the process is stopped. */
export async function watch(parts: readonly Part[], options: BundleOptions): Promise<void> {
  const contexts: BuildContext[] = await Promise.all(
    parts.map((part) => context({ ...optionsOf(part, options), logLevel: "info" })),
  );
  await Promise.all(contexts.map((one) => one.watch()));
}

function ownDist(): string {
  return join(packageRoot(), "dist");
}

function folderOf(part: Part, { dist = ownDist() }: BundleOptions): string {
  return part === "extension" ? dist : join(dist, part);
}

/** @param outputs paths from the package's root */
function removeAllBut(outputs: readonly string[], folder: string): void {
  const fresh = new Set(outputs.map((file) => resolve(packageRoot(), file)));
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = join(folder, entry.name);
    if (entry.isFile() && !fresh.has(file)) rmSync(file);
  }
}
