import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";
import { z } from "zod";
import { packageFile } from "../model/package-root.ts";

const LICENCE_FILE = /^(licen[cs]e|copying|notice|copyright|third-?party)/i;

/** Packages whose npm archive says MIT but brings no text, with the copyright line of their repository. */
const MIT_WITHOUT_TEXT: Readonly<Record<string, string>> = {
  "onnxruntime-node": "Copyright (c) Microsoft Corporation",
  "onnxruntime-common": "Copyright (c) Microsoft Corporation",
  "@microsoft/fast-element": "Copyright (c) Microsoft Corporation",
  "@microsoft/fast-foundation": "Copyright (c) Microsoft Corporation",
  "@microsoft/fast-web-utilities": "Copyright (c) Microsoft Corporation",
  "@microsoft/fast-react-wrapper": "Copyright (c) Microsoft Corporation",
};

const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

const manifestSchema = z.object({ name: z.string(), version: z.string(), license: z.string() });

/** The folders, under the package's root, of every package that went into bundles. */
export function bundledPackages(metafiles: readonly Metafile[]): string[] {
  const folders = metafiles
    .flatMap(({ inputs }) => Object.keys(inputs))
    .flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? []);
  return [...new Set(folders)].sort();
}

/**
 * The licences of packages, one after the other.
 * @param folders under the package's root
 * @throws Error for a package whose licence text cannot be found: it may not be shipped
 */
export function notices(folders: readonly string[]): string {
  const known = new Map<string, string>();
  for (const folder of folders) {
    const { name, version, license } = manifestSchema.parse(
      JSON.parse(readFileSync(packageFile(`${folder}/package.json`), "utf8")),
    );
    known.set(`${name} ${version}`, `${name} ${version} (${license})\n\n${licenceText(name, packageFile(folder))}`);
  }
  const head =
    "HySparse Profiler contains the following packages, under these licences. The native library of onnxruntime contains\n" +
    "further ones: https://github.com/microsoft/onnxruntime/blob/main/ThirdPartyNotices.txt";
  const line = "=".repeat(80);
  return `${[head, ...known.values()].join(`\n\n${line}\n\n`)}\n`;
}

function licenceText(name: string, folder: string): string {
  const texts = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && LICENCE_FILE.test(entry.name))
    .map((entry) => readFileSync(join(folder, entry.name), "utf8").trim());
  if (texts.length > 0) return texts.join("\n\n");
  const holder = MIT_WITHOUT_TEXT[name];
  if (holder === undefined) throw new Error(`${name} brings no licence text: add it to src/build/notices.ts`);
  return `${holder}\n\n${MIT}`;
}
