import { dirname } from "node:path";
import type { Plugin } from "esbuild";

/** zod brings its messages in some fifty languages, half of what a bundle with it holds; English alone is used. */
export const oneLanguage: Plugin = {
  name: "one-language",
  setup(bundler) {
    bundler.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, ({ path }) => ({
      contents: 'export { default as en } from "./en.js";',
      resolveDir: dirname(path),
    }));
  },
};
