import { readdirSync } from "node:fs";
import { join } from "node:path";
import Mocha from "mocha";
import { tell } from "./events.ts";
import { EventReporter } from "./reporter.ts";
import { GREP_VARIABLE, STORIES_VARIABLE } from "./stories-variable.ts";

/** What VS Code calls in its extension host: every story beside this file that the window is for. */
export async function run(): Promise<void> {
  const folder = join(__dirname, "stories", process.env[STORIES_VARIABLE] ?? "trusted");
  const mocha = new Mocha({ ui: "bdd", timeout: 60_000, slow: 60_000, reporter: EventReporter });
  const wanted = process.env[GREP_VARIABLE];
  if (wanted !== undefined && wanted !== "") mocha.grep(new RegExp(wanted, "u"));
  const files = readdirSync(folder).filter((name) => name.endsWith(".stories.cjs"));
  for (const file of files.sort()) mocha.addFile(join(folder, file));
  const failures = await new Promise<number>((resolve, reject) => {
    try {
      mocha.run(resolve);
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  }).catch((error: unknown) => {
    tell({
      event: "fail",
      title: "loading the stories",
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    return 1;
  });
  tell({ event: "end", failures });
  if (failures > 0) throw new Error(`${failures} stories failed`);
}
