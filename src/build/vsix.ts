import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { createVSIX } from "@vscode/vsce";
import { packageFolder, nativePackages } from "./natives.ts";
import { zipEntries } from "./zip.ts";

const MB = 1e6;

/** A package that is larger than this is refused. */
const LARGEST_BYTES = 90 * MB;

/** What a package is made of, in the order of the table; a file belongs to the first that fits. */
const PARTS: readonly (readonly [name: string, files: RegExp])[] = [
  ["embedded model", /^extension\/media\/model\//],
  ...nativePackages().map(
    (native) => [native.title, new RegExp(`^extension/dist/runtime/${packageFolder(native)}/`)] as const,
  ),
  ["bundles", /^extension\/dist\//],
  ["kernels", /^extension\/kernels\//],
  ["everything else", /^/],
];

/**
 * Packs a staged folder into the file of a VS Code extension.
 * @returns the sizes of its parts, as a text of lines
 * @throws Error when it is too large
 */
export async function pack(target: string, staged: string, file: string): Promise<string> {
  mkdirSync(dirname(file), { recursive: true });
  rmSync(file, { force: true });
  await createVSIX({
    cwd: staged,
    packagePath: file,
    target,
    dependencies: false,
    allowMissingRepository: true,
    rewriteRelativeLinks: false,
    allowPackageAllSecrets: true,
    allowPackageEnvFile: true,
  });
  const archive = readFileSync(file);
  const sizes = new Map<string, number>(PARTS.map(([name]) => [name, 0]));
  for (const { name, compressedBytes } of zipEntries(archive)) {
    const part = PARTS.find(([, files]) => files.test(name))?.[0] ?? "";
    sizes.set(part, (sizes.get(part) ?? 0) + compressedBytes);
  }
  const table = [...sizes, ["all", archive.length] as const]
    .map(([name, bytes]) => `${name.padEnd(20)} ${(bytes / MB).toFixed(1).padStart(6)} MB`)
    .join("\n");
  if (archive.length > LARGEST_BYTES) {
    throw new Error(`the package is larger than ${LARGEST_BYTES / MB} MB:\n${table}`);
  }
  return table;
}
