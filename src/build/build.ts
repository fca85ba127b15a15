import { parseArgs } from "node:util";
import { bundle, PARTS, watch, type Part } from "./bundles.ts";

/**
 * `npm run build -- [parts] [--debug] [--watch]`: bundles what VS Code loads into dist/. Everything that is read by path
 * (kernels/, media/) stays where it is. --debug keeps names and makes source maps.
 */
const { values, positionals } = parseArgs({
  options: { debug: { type: "boolean", default: false }, watch: { type: "boolean", default: false } },
  allowPositionals: true,
});

const isPart = (name: string): name is Part => PARTS.some((part) => part === name);
const strangers = positionals.filter((name) => !isPart(name));
if (strangers.length > 0) {
  console.error(`there is no part ${strangers.join(", ")}; there are: ${PARTS.join(", ")}`);
  process.exit(2);
}
const asked = positionals.filter(isPart);
const parts = asked.length > 0 ? asked : PARTS;

if (values.watch) await watch(parts, values);
else await bundle(parts, values);
