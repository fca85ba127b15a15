import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { describe, it } from "node:test";
import ts from "typescript";

const root = resolve(import.meta.dirname, "../../..");

/** Which folder may import from which, beside itself: docs/architecture.md in one table. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  kernels: [],
  "src/text": [],
  "src/model": ["src/designs", "src/text"],
  "src/designs": ["kernels", "src/model", "src/text"],
  "src/files": ["src/model"],
  "src/engine": ["kernels", "src/model", "src/designs", "src/protocol"],
  "src/profile": ["src/model", "src/designs", "src/engine", "src/protocol", "src/report", "src/text"],
  "src/report": ["src/model", "src/designs", "src/engine", "src/protocol", "src/profile", "src/text"],
  "src/protocol": ["src/model", "src/designs"],
  "src/runtime": ["src/model", "src/engine", "src/protocol", "src/profile"],
  webview: ["src/model", "src/designs", "src/engine", "src/protocol", "src/profile", "src/report", "src/text"],
  "src/cli": [
    ...["src/model", "src/designs", "src/files", "src/engine", "src/text"],
    // The page for an HTML export is bundled anew where the sources lie.
    ...["src/protocol", "src/profile", "src/report", "src/runtime", "src/build", "webview"],
  ],
  "src/bench": [
    ...["kernels", "src/model", "src/designs", "src/engine"],
    ...["src/protocol", "src/profile", "src/report", "src/cli", "src/text"],
  ],
  "src/extension": [
    ...["src/model", "src/designs", "src/files", "src/engine", "src/text"],
    ...["src/protocol", "src/profile", "src/report", "src/runtime", "webview"],
  ],
  "src/build": ["src/model", "src/engine", "webview"],
};

/** Files of ours that a file imports, types and what it loads later included. */
function importsOf(file: string): string[] {
  return ts
    .preProcessFile(readFileSync(file, "utf8"), true, true)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith(".") && name.endsWith(".ts"))
    .map((name) => resolve(dirname(file), name));
}

const files = ["src", "webview", "kernels"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => join(root, folder, name)),
);
const graph = new Map(files.map((file) => [file, importsOf(file)]));

const shown = (file: string): string => relative(root, file);

function folderOf(file: string): string {
  const [first, second] = shown(file).split(sep);
  return first === "src" ? `src/${second}` : first!;
}

/** A way from a file back to itself, if there is one; `clear` gathers files that lead to none. */
function cycleFrom(file: string, path: readonly string[], clear: Set<string>): string[] | undefined {
  if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
  if (clear.has(file)) return undefined;
  for (const next of graph.get(file) ?? []) {
    const found = cycleFrom(next, [...path, file], clear);
    if (found) return found;
  }
  clear.add(file);
  return undefined;
}

describe("imports", () => {
  it("are found", () => {
    assert.ok(files.length > 400);
    assert.ok([...graph.values()].flat().length > 2 * files.length);
    for (const [file, imported] of graph) {
      for (const target of imported) assert.ok(graph.has(target), `${shown(file)} imports ${shown(target)}`);
    }
  });

  it("run in no circle, of types neither", () => {
    const clear = new Set<string>();
    for (const file of files) assert.deepEqual(cycleFrom(file, [], clear)?.map(shown), undefined);
  });

  it("follow the order of the folders", () => {
    const against = [...graph].flatMap(([file, imported]) => {
      const from = folderOf(file);
      return imported
        .filter((target) => folderOf(target) !== from && !MAY_IMPORT[from]?.includes(folderOf(target)))
        .map((target) => `${shown(file)} -> ${shown(target)}`);
    });
    assert.deepEqual(against, []);
  });

  it("are ordered by a table that names nothing it does not need", () => {
    for (const [from, allowed] of Object.entries(MAY_IMPORT)) {
      const used = new Set(
        [...graph].filter(([file]) => folderOf(file) === from).flatMap(([, to]) => to.map(folderOf)),
      );
      for (const to of allowed) assert.ok(used.has(to), `${from} imports nothing of ${to}`);
    }
  });
});
