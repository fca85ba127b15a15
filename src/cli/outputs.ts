import { basename, dirname, resolve } from "node:path";
import { statSync } from "node:fs";
import { fileIdentity, planOutput, type Output } from "../files/output.ts";
import { UserError } from "../model/errors.ts";
import { FORMATS } from "../model/formats/formats.ts";
import { cachedModel } from "../model/hub-cache.ts";
import { packageFile } from "../model/package-root.ts";

/** A file that the run will write. */
export interface Target {
  /** The option that named it, for messages: "--html". */
  readonly option: string;
  /** As typed. */
  readonly name: string;
  readonly output: Output;
}

/** What the run reads or prints to, by names as typed: none of it may be an output. */
export interface InUse {
  /** "-" is standard input. */
  readonly document?: string;
  readonly model?: string;
}

/**
 * Finds out before a long run whether its results can be written: the folder exists and takes files, no two outputs are one
 * file, and none is what the run reads or prints to.
 * @throws UserError naming the option
 */
export function checkTargets(
  wanted: readonly { readonly option: string; readonly name: string }[],
  folder: string,
  inUse: InUse = {},
): Target[] {
  if (wanted.length === 0) return [];
  const taken = identities(folder, inUse);
  return wanted.map(({ option, name }) => {
    const label = `${option} ${name}`;
    const path = resolve(folder, name);
    refuseFolder(label, name, path);
    const output = planOutput(path, label);
    const other = taken.get(output.identity ?? "");
    // What standard output is connected to may be written to by its own name.
    const itself = output.way.kind === "descriptor" && other === PRINTED[output.way.fd];
    if (other !== undefined && !itself) throw new UserError(`${label} would overwrite ${other}`);
    if (output.identity !== undefined) taken.set(output.identity, `what ${option} writes`);
    return { option, name, output };
  });
}

const PRINTED: Readonly<Record<number, string>> = {
  1: "the file that standard output is redirected to",
  2: "the file that standard error is redirected to",
};

/** Files that may not be written, with how messages call them. */
function identities(folder: string, { document, model }: InUse): Map<string, string> {
  const taken = new Map<string, string>();
  const take = (file: string | number, what: string): void => {
    const identity = fileIdentity(file);
    if (identity !== undefined) taken.set(identity, what);
  };
  for (const root of [
    packageFile("media/model"),
    ...(model === undefined ? [] : [resolve(folder, cachedModel(model) ?? model)]),
  ]) {
    for (const file of FORMATS.flatMap((format) => format.files(root))) take(file, `${basename(file)} of the model`);
  }
  for (const fd of [1, 2]) take(fd, PRINTED[fd]!);
  if (document !== undefined) take(document === "-" ? 0 : resolve(folder, document), "the document itself");
  return taken;
}

/** The folder by the name that was typed, where it is not there or none. */
function refuseFolder(label: string, name: string, path: string): void {
  let stats;
  try {
    stats = statSync(dirname(path), { throwIfNoEntry: false });
  } catch {
    // Too long a name, or a circle of links: the plan says which.
    return;
  }
  if (!stats) throw new UserError(`${label}: folder ${dirname(name)} does not exist`);
  if (!stats.isDirectory()) throw new UserError(`${label}: ${dirname(name)} is not a folder`);
}
