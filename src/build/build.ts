import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions } from "esbuild";

/**
 * Bundles what VS Code loads into dist/: the extension's entry, the runtime's processes and the panel's page. Everything
 * that is read by path (kernels/, media/) stays where it is.
 */
const root = fileURLToPath(new URL("../../", import.meta.url));

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  minify: !process.argv.includes("--debug"),
  sourcemap: process.argv.includes("--debug") ? "linked" : false,
  legalComments: "eof",
  logLevel: "warning",
};

rmSync(new URL("../../dist", import.meta.url), { recursive: true, force: true });
await Promise.all([
  build({
    ...common,
    entryPoints: { extension: "src/extension/extension.ts" },
    outdir: "dist",
    outExtension: { ".js": ".cjs" },
    platform: "node",
    format: "cjs",
    target: "node20",
    external: ["vscode"],
  }),
  build({
    ...common,
    entryPoints: { panel: "webview/main.ts" },
    outdir: "dist/webview",
    platform: "browser",
    format: "iife",
    target: "chrome120",
  }),
]);
