import { parseArgs } from "node:util";
import { manifest, packageFile } from "../model/package-root.ts";
import { stage } from "./stage.ts";
import { pack } from "./vsix.ts";

/**
 * `npm run package -- [--target linux-x64]`: makes the VSIX of one platform, this machine's when none is named, in out/.
 * Everything is built anew.
 */
const { values } = parseArgs({
  options: { target: { type: "string", default: `${process.platform}-${process.arch}` } },
});

const { name, version } = manifest();
const file = packageFile(`out/${name}-${version}-${values.target}.vsix`);
const staged = packageFile(`out/vsix/${values.target}`);
await stage(values.target, staged);
const sizes = await pack(values.target, staged, file);
console.log(`${sizes}\n${file}`);
