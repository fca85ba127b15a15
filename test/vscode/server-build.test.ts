import assert from "node:assert/strict";
import { before, describe, it, type TestContext } from "node:test";
import { buildSuite } from "./build-suite.ts";
import { lineOf } from "./print-event.ts";
import { runSuite } from "./server/run-suite.ts";
import { buildExtension } from "./server/scripts.ts";
import { findTools, type Tools } from "./server/tools.ts";
import type { ServerOptions } from "./server/vscode-server.ts";

/**
 * The stories in VS Code's server build, shown by Chromium. Each story inside the extension host is a test here too.
 */
const tools = findTools();
const skip = "missing" in tools ? tools.missing : false;

describe("stories in a real VS Code", { skip, timeout: 900_000 }, () => {
  before(async () => {
    await Promise.all([buildExtension(), buildSuite()]);
  });

  for (const [stories, options] of [
    ["trusted", {}],
    ["untrusted", { trustAsked: true }],
  ] satisfies [string, ServerOptions][]) {
    it(stories, async (context) => {
      if ("missing" in tools) throw new Error(tools.missing);
      await tellStories(context, tools, stories, options);
    });
  }
});

async function tellStories(context: TestContext, found: Tools, stories: string, options: ServerOptions): Promise<void> {
  const { events, trouble } = await runSuite(found, stories, options, (event) => {
    const line = lineOf(event);
    if (line !== undefined) console.log(line);
  });
  for (const event of events) {
    if (event.event === "pass") await context.test(`${event.title} (${event.milliseconds} ms)`, () => undefined);
    if (event.event === "skip") await context.test(event.title, { skip: true });
    if (event.event === "fail") await context.test(event.title, () => assert.fail(event.message));
  }
  if (trouble !== undefined) assert.fail(trouble);
  assert.ok(
    events.some((event) => event.event === "pass"),
    "no story was told",
  );
}
