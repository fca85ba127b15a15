import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../server/run-suite.ts";

/** Writes a document of at least so many bytes, of the repository's held-out texts over and over; gives its path. */
export function writeDocument(folder: string, name: string, bytes: number): string {
  const heldOut = join(ROOT, "media", "heldout");
  const texts = readdirSync(heldOut)
    .filter((file) => /\.(?:md|txt|py)$/u.test(file) && file !== "LICENSES.txt")
    .sort()
    .map((file) => readFileSync(join(heldOut, file), "utf8"));
  const parts: string[] = [];
  for (let size = 0, at = 0; size < bytes; at++) {
    const text = texts[at % texts.length]!;
    parts.push(text);
    size += Buffer.byteLength(text);
  }
  const path = join(folder, name);
  writeFileSync(
    path,
    Buffer.from(parts.join("\n"))
      .subarray(0, bytes)
      .toString("utf8")
      .replace(/\uFFFD$/u, ""),
  );
  return path;
}
