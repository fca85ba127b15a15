import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runTests } from "@vscode/test-electron";
import { buildSuite, SUITE_FOLDER } from "./build-suite.ts";
import { lineOf } from "./print-event.ts";
import { QUIET_SETTINGS } from "./server/quiet-settings.ts";
import { ROOT } from "./server/run-suite.ts";
import { buildExtension } from "./server/scripts.ts";
import { makeWorkspace } from "./server/workspace.ts";
import { MARK_VARIABLE } from "./stories/processes.ts";
import { EVENTS_VARIABLE, readEvents } from "./suite/events.ts";
import { STORIES_VARIABLE } from "./suite/stories-variable.ts";

/**
 * The same stories in desktop VS Code, which @vscode/test-electron downloads: for machines with a network and a screen.
 * HYSPARSE_TEST_VSCODE names another version than the newest stable one.
 */
const version = process.env["HYSPARSE_TEST_VSCODE"];
await Promise.all([buildExtension(), buildSuite()]);
for (const stories of ["trusted", "untrusted"]) await tellStories(stories);

async function tellStories(stories: string): Promise<void> {
  const workspace = await makeWorkspace({ hostile: stories === "untrusted" });
  const home = mkdtempSync(join(tmpdir(), "hysparse-desktop-"));
  const events = join(home, "events.jsonl");
  const user = join(home, "user-data", "User");
  mkdirSync(user, { recursive: true });
  writeFileSync(join(user, "settings.json"), JSON.stringify(QUIET_SETTINGS));
  console.log(stories);
  try {
    await runTests({
      ...(version === undefined ? {} : { version }),
      extensionDevelopmentPath: ROOT,
      extensionTestsPath: join(SUITE_FOLDER, "run.cjs"),
      extensionTestsEnv: { [EVENTS_VARIABLE]: events, [STORIES_VARIABLE]: stories, [MARK_VARIABLE]: home },
      launchArgs: [
        workspace.path,
        "--user-data-dir",
        join(home, "user-data"),
        "--extensions-dir",
        join(home, "extensions"),
        ...(stories === "trusted" ? ["--disable-workspace-trust"] : []),
      ],
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  } finally {
    for (const event of readEvents(events)) {
      const line = lineOf(event);
      if (line !== undefined) console.log(line);
    }
    workspace.remove();
    rmSync(home, { recursive: true, force: true });
  }
}
