import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { SUITE_FOLDER } from "../build-suite.ts";
import { REMOTE_VARIABLE } from "../suite/remote-contract.ts";
import { launchChromium, openWindow, type BrowserWindow, type WindowOptions } from "./browser-window.ts";
import { Remote } from "./remote.ts";
import { ROOT } from "./run-suite.ts";
import type { Tools } from "./tools.ts";
import { startServer, type VsCodeServer } from "./vscode-server.ts";
import { makeWorkspace, type Workspace } from "./workspace.ts";

/** A window with the development extension, driven from both sides: its page by Playwright, its host by requests. */
export interface DrivenWindow {
  readonly workspace: Workspace;
  readonly server: VsCodeServer;
  readonly window: BrowserWindow;
  readonly remote: Remote;
  close(): Promise<void>;
}

export async function openDrivenWindow(
  tools: Tools,
  settings: Readonly<Record<string, unknown>>,
  options: Pick<WindowOptions, "width" | "height" | "scale"> = {},
): Promise<DrivenWindow> {
  const workspace = await makeWorkspace();
  const socket = `${workspace.path}.sock`;
  let server: VsCodeServer | undefined;
  let browser: Browser | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    await server?.stop();
    workspace.remove();
    rmSync(socket, { force: true });
  };
  try {
    server = await startServer(tools, { settings, env: { [REMOTE_VARIABLE]: socket } });
    browser = await launchChromium(tools);
    const window = await openWindow(browser, server, {
      ...options,
      folder: workspace.path,
      development: ROOT,
      tests: join(SUITE_FOLDER, "remote.cjs"),
    });
    return { workspace, server, window, remote: await Remote.connect(socket), close };
  } catch (error) {
    await close();
    throw error;
  }
}
