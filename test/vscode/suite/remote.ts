import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import * as vscode from "vscode";
import { extensionApi, pause, until } from "../stories/support.ts";
import {
  REMOTE_VARIABLE,
  requestSchema,
  type Answer,
  type Move,
  type Request,
  type Snapshot,
} from "./remote-contract.ts";

/** Called by VS Code instead of a suite: does what a driver asks until it asks for the end. */
export async function run(): Promise<void> {
  const path = process.env[REMOTE_VARIABLE];
  if (path === undefined) throw new Error(`${REMOTE_VARIABLE} names no socket`);
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    const server = createServer((socket) => serve(socket, () => server.close(() => resolve())));
    server.on("error", reject).listen(path);
  });
}

function serve(socket: Socket, end: () => void): void {
  createInterface(socket).on("line", (line) => {
    const request = requestSchema.parse(JSON.parse(line));
    void answerTo(request).then((answer) => {
      socket.write(`${JSON.stringify(answer)}\n`);
      if (request.ask !== "end") return;
      socket.end();
      end();
    });
  });
}

async function answerTo(request: Request): Promise<Answer> {
  try {
    if (request.ask === "snapshot") return { snapshot: await snapshot() };
    if (request.ask === "moves") return { moves: await moves(request.offsets) };
    if (request.ask === "emptyPanel") return { milliseconds: await emptyPanel() };
    await act(request);
    return {};
  } catch (error) {
    return { failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

async function act(request: Exclude<Request, { ask: "snapshot" | "moves" | "emptyPanel" }>): Promise<void> {
  switch (request.ask) {
    case "open": {
      const document = await vscode.workspace.openTextDocument(request.path);
      await vscode.window.showTextDocument(document, { viewColumn: vscode.ViewColumn.One, preview: false });
      return;
    }
    case "command":
      void vscode.commands.executeCommand(request.command);
      return;
    case "setting":
      await vscode.workspace.getConfiguration().update(request.key, request.value, vscode.ConfigurationTarget.Global);
      return;
    case "cursor":
      moveTo(request.offset);
      return;
    case "exportTo":
      await (await extensionApi()).exportTo("json", vscode.Uri.file(request.path));
      return;
    case "compareWith":
      await (await extensionApi()).compareWith(vscode.Uri.file(request.path));
      return;
    case "end":
      return;
  }
}

async function snapshot(): Promise<Snapshot> {
  const api = await extensionApi();
  const { state, painted, openMs } = api.panel;
  const document = vscode.window.activeTextEditor?.document;
  const { progress } = state?.job ?? {};
  return {
    activationMs: api.activationMs,
    runtime: { state: api.runtime.state, pid: api.runtime.pid },
    createdAt: state?.report?.createdAt,
    tokens: state?.report?.document.tokens,
    busy: state?.job !== undefined,
    phase: progress && (progress.kind === "phase" ? progress.text : progress.phase),
    headline: painted?.headline,
    sections: painted?.sections,
    openMs,
    paintMs: painted?.milliseconds,
    follow: state?.follow ?? false,
    cursorToken: state?.cursor?.token,
    cursorStart: state?.cursor?.start,
    cursorEnd: state?.cursor?.end,
    lastUpdateMs: api.highlights.lastUpdateMs,
    ranges: document ? api.highlights.ranges(document.uri.toString()) : 0,
    stale: api.highlights.stale,
    lastError: api.lastError,
    characters: document && document.getText().length,
    selected: selected(),
  };
}

function selected(): Snapshot["selected"] {
  const [editor] = vscode.window.visibleTextEditors;
  if (!editor) return undefined;
  const { document, selection, visibleRanges } = editor;
  return {
    path: document.uri.fsPath,
    start: document.offsetAt(selection.start),
    end: document.offsetAt(selection.end),
    inView: visibleRanges.some((range) => range.contains(selection.start)),
  };
}

function moveTo(offset: number): void {
  const editor = vscode.window.activeTextEditor;
  if (!editor) throw new Error("no text editor is active");
  const position = editor.document.positionAt(offset);
  editor.selection = new vscode.Selection(position, position);
  editor.revealRange(editor.selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}

async function emptyPanel(): Promise<number> {
  const began = performance.now();
  const panel = vscode.window.createWebviewPanel("empty", "Empty", vscode.ViewColumn.Beside, { enableScripts: true });
  const said = new Promise((resolve) => panel.webview.onDidReceiveMessage(resolve));
  panel.webview.html = "<!doctype html><p>Empty</p><script>acquireVsCodeApi().postMessage(1)</script>";
  await said;
  const milliseconds = performance.now() - began;
  panel.dispose();
  return milliseconds;
}

async function moves(offsets: readonly number[]): Promise<Move[]> {
  const api = await extensionApi();
  const made: Move[] = [];
  for (const offset of offsets) {
    const began = performance.now();
    moveTo(offset);
    await until(
      `the token at ${offset}`,
      () => {
        const cursor = api.panel.state?.cursor;
        return cursor !== undefined && cursor.start <= offset && offset < cursor.end;
      },
      15_000,
      1,
    );
    made.push({ updateMs: api.highlights.lastUpdateMs ?? Infinity, toldMs: performance.now() - began });
    await pause(40);
  }
  return made;
}
