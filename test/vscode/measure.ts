import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { writeFile } from "node:fs/promises";
import { Random } from "../../src/model/random.ts";
import { buildSuite } from "./build-suite.ts";
import { cursorLatency } from "./measure/cursor-latency.ts";
import { writeDocument } from "./measure/documents.ts";
import { typingLatency } from "./measure/key-latency.ts";
import { tableOf, type Row } from "./measure/table.ts";
import { openDrivenWindow, type DrivenWindow } from "./server/driven-window.ts";
import { buildExtension } from "./server/scripts.ts";
import { CODE_SERVER_VERSION, findTools, type Tools } from "./server/tools.ts";

/**
 * How the extension feels in a running editor: activation, opening the panel, following the cursor, typing. Prints a
 * Markdown page, and writes it to the file of --out. Measured in VS Code's server build and a headless Chromium.
 */
const { values } = parseArgs({
  options: {
    out: { type: "string" },
    parts: { type: "string", default: "starts,long,megabyte" },
    windows: { type: "string", default: "5" },
    moves: { type: "string", default: "200" },
    keys: { type: "string", default: "200" },
    tokens: { type: "string", default: "32768" },
    seed: { type: "string", default: "1" },
  },
});
const [windows, moves, keys, tokens] = [values.windows, values.moves, values.keys, values.tokens].map(Number);
const random = new Random(Number(values.seed));

const SETTINGS = {
  "hysparse.engine": "cpu",
  "hysparse.variants": ["hysparse"],
  "hysparse.repetitions": 1,
  "hysparse.decodeTokens": 0,
  "hysparse.maxTokens": tokens,
};
const MEGABYTE = 2 ** 20;
const PROFILE_MS = 1_800_000;

const tools = findTools();
if ("missing" in tools) throw new Error(tools.missing);
await Promise.all([buildExtension(), buildSuite()]);
const parts = { starts, long: longDocument, megabyte: megabyteDocument };
const rows: Row[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (values.parts.split(",").includes(name)) rows.push(...(await measure(tools)));
}
const page = pageOf(rows);
console.log(page);
if (values.out !== undefined) await writeFile(values.out, page);

/** Fresh windows: activation, and the panel with the sample profile. */
async function starts(found: Tools): Promise<Row[]> {
  const activation: number[] = [];
  const opening: number[] = [];
  const painting: number[] = [];
  const empty: number[] = [];
  for (let round = 0; round < windows!; round++) {
    await inWindow(found, async ({ remote }) => {
      activation.push((await remote.snapshot()).activationMs);
      for (let again = 0; again < 3; again++) {
        const { milliseconds } = await remote.ask({ ask: "emptyPanel" });
        empty.push(milliseconds!);
      }
      for (let again = 0; again < 3; again++) {
        await remote.ask({ ask: "command", command: "hysparse.showSample" });
        const { openMs, paintMs } = await remote.until("the sample", (snapshot) => snapshot.openMs !== undefined);
        opening.push(openMs!);
        painting.push(paintMs!);
        await remote.ask({ ask: "command", command: "workbench.action.closeAllEditors" });
        await remote.until("no panel", (snapshot) => snapshot.openMs === undefined);
      }
    });
  }
  return [
    { what: "activation (first line of the bundle to its end)", samples: activation, asked: "under 50" },
    { what: "opening the panel with the sample profile, wish to picture", samples: opening, asked: "under 500" },
    { what: "for comparison: a webview that holds nothing, until its script says so", samples: empty },
    { what: "of the panel's time, from the report's arrival in the page to all of it drawn", samples: painting },
  ];
}

/** Following the cursor in a document of about `tokens` tokens. */
async function longDocument(found: Tools): Promise<Row[]> {
  const measured: Row[] = [];
  await inWindow(found, async (driven) => {
    const { remote, workspace } = driven;
    await remote.ask({ ask: "open", path: writeDocument(workspace.path, "long.txt", Math.round(tokens! * 3)) });
    await remote.ask({ ask: "command", command: "hysparse.profileDocument" });
    await remote.until("a report", ({ busy, createdAt }) => !busy && createdAt !== undefined, PROFILE_MS);
    measured.push(...(await following(driven, "long document")));
  });
  return measured;
}

/**
 * Typing in a document of 1 MB, of which the first `tokens` tokens are profiled: before the extension runs, while it
 * profiles, and with its highlights; then following the cursor in it.
 */
async function megabyteDocument(found: Tools): Promise<Row[]> {
  const measured: Row[] = [];
  await inWindow(found, async (driven) => {
    const { remote, window, workspace } = driven;
    await remote.ask({ ask: "open", path: writeDocument(workspace.path, "megabyte.txt", MEGABYTE) });
    await window.page.locator(".editor-instance .view-line").first().waitFor();
    const type = async (what: string): Promise<void> => {
      await remote.ask({ ask: "command", command: "workbench.action.focusFirstEditorGroup" });
      await remote.ask({ ask: "cursor", offset: 2000 });
      await window.page.waitForTimeout(1000);
      const samples = await typingLatency(window.page, keys!);
      measured.push({ what: `key to character on the screen, 1 MB document: ${what}`, samples });
    };
    await typingLatency(window.page, 50);
    await type("extension not started");
    await remote.ask({ ask: "command", command: "workbench.action.files.revert" });
    await window.page.waitForTimeout(1000);
    await remote.ask({ ask: "command", command: "hysparse.profileDocument" });
    await remote.until("a running profile", ({ busy, phase }) => busy && phase !== undefined);
    await type("while profiling on all cores");
    await remote.until("a report", ({ busy, createdAt }) => !busy && createdAt !== undefined, PROFILE_MS);
    await type("highlights on, grey because of the edits");
    // Back to the text that was profiled, which is what was on disk.
    await remote.ask({ ask: "command", command: "workbench.action.files.revert" });
    await remote.until("current highlights", (snapshot) => !snapshot.stale && snapshot.ranges > 0);
    measured.push(...(await following(driven, "1 MB document")));
  });
  return measured;
}

async function following({ remote, window }: DrivenWindow, name: string): Promise<Row[]> {
  await remote.ask({ ask: "command", command: "workbench.action.focusFirstEditorGroup" });
  const { characters, tokens: profiled } = await remote.until(
    "a text editor",
    (snapshot) => snapshot.characters !== undefined,
  );
  await remote.ask({ ask: "command", command: "hysparse.followCursor" });
  await remote.until("following", (snapshot) => snapshot.follow);
  // Within the profiled part, which has about three characters per token.
  const reach = Math.min(characters!, profiled! * 2);
  const made = await remote.moves(Array.from({ length: moves! }, () => random.below(reach)));
  await remote.ask({ ask: "cursor", offset: Math.floor(reach / 2) });
  await window.page.waitForTimeout(500);
  const where = `${name}, ${profiled!} tokens profiled of ${characters!} characters`;
  return [
    {
      what: `cursor moved to highlights handed to VS Code (${where})`,
      samples: made.map(({ updateMs }) => updateMs),
      asked: "95th under 50",
    },
    { what: `wish to move to the panel being told (${where})`, samples: made.map(({ toldMs }) => toldMs) },
    {
      what: `arrow key to changed highlights on the screen (${where})`,
      samples: await cursorLatency(window.page, moves!),
      asked: "95th under 50",
    },
  ];
}

async function inWindow(found: Tools, use: (driven: DrivenWindow) => Promise<void>): Promise<void> {
  const driven = await openDrivenWindow(found, SETTINGS, { width: 1400, height: 900 });
  try {
    await use(driven);
  } finally {
    await driven.close();
  }
}

function pageOf(measured: readonly Row[]): string {
  const command = ["npm run measure:editor --", ...process.argv.slice(2)].join(" ");
  const [cpu] = cpus();
  return `# The extension in a running editor

Command: \`${command}\`

${new Date().toISOString().slice(0, 10)}, ${cpu?.model ?? "unknown CPU"}, ${cpus().length} threads, VS Code's server build (code-server ${CODE_SERVER_VERSION}),
headless Chromium without a GPU, on the same machine; seed ${values.seed} for the cursor's places.

${tableOf(measured)}
`;
}
