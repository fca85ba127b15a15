import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Where the bundled suite lies: inside the repository, so that it finds mocha, in a folder that git ignores. */
export const SUITE_FOLDER = join(root, "out", "vscode-suite");

/** Bundles what runs inside VS Code's extension host: the suite's entry and each file of stories. */
export async function buildSuite(): Promise<void> {
  const here = join(root, "test", "vscode");
  const stories = readdirSync(join(here, "stories"), { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".stories.ts"),
  );
  rmSync(SUITE_FOLDER, { recursive: true, force: true });
  await build({
    absWorkingDir: here,
    entryPoints: ["suite/run.ts", "suite/remote.ts", ...stories.map((name) => join("stories", name))].map((path) => ({
      in: path,
      out: path.replace(/^suite\//u, "").replace(/\.ts$/u, ""),
    })),
    outdir: SUITE_FOLDER,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    format: "cjs",
    target: "node20",
    sourcemap: "inline",
    external: ["vscode", "mocha"],
    logLevel: "warning",
  });
}
