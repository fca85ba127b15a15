import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/**
 * src/extension/heavy.ts, imported by `await import`, stays a file of its own beside the extension's, so that activation
 * does not read it.
 */
export const heavyApart: Plugin = {
  name: "heavy-apart",
  setup(bundler) {
    bundler.onResolve({ filter: /\/heavy\.ts$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "./heavy.cjs", external: true } : undefined,
    );
  },
};

const IMPORT_VSCODE = /^import \* as vscode from "vscode";$/m;

/**
 * The API object of VS Code as it is. `import * as vscode` in CommonJS would copy all its properties, once for every module
 * that imports it: half of the activation time.
 */
export const vscodeAsItIs: Plugin = {
  name: "vscode-as-it-is",
  setup(bundler) {
    bundler.onLoad({ filter: /[\\/]src[\\/]extension[\\/].*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      return { contents: source.replace(IMPORT_VSCODE, 'const vscode = require("vscode");'), loader: "ts" };
    });
  },
};
