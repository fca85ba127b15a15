import { installTools } from "./server/tools.ts";

/** `npm run test:vscode` and CI run this first: what the stories need, into the cache folder. */
await installTools((line) => console.log(line));
