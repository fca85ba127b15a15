import * as vscode from "vscode";
import type { PanelCommand } from "../protocol/panel.ts";
import type { CommandName } from "./command-names.ts";
import { changeContexts, INITIAL_CONTEXTS } from "./contexts.ts";
import type { Ending } from "./emitter.ts";
import { tellFailure } from "./failure.ts";
import { Highlighter } from "./highlights/highlighter.ts";
import { Messages } from "./messages.ts";
import { Pages } from "./pages/pages.ts";
import type { PageHost } from "./pages/page.ts";
import { Panel } from "./pages/panel.ts";
import { canFollow, type ReportView } from "./report-view.ts";
import { reveal } from "./reveal.ts";
import { RuntimeOwner } from "./runtime-owner.ts";
import { panelState, Session, type PageFacts } from "./session.ts";
import { readSettings } from "./settings.ts";
import { StatusBar } from "./status-bar.ts";
import { Store } from "./store.ts";

/** `view` is what the command means by "the report": of the page in front, or the panel's. */
export type Command = (host: Host, view: ReportView) => void | Promise<void>;
export type Commands = Readonly<Record<CommandName, Command>>;

/** The parts of the extension, joined: what commands and pages work on. */
export class Host implements vscode.Disposable {
  readonly extensionUri: vscode.Uri;
  readonly messages = new Messages();
  readonly session = new Session();
  readonly pages = new Pages();
  readonly runtime: RuntimeOwner;
  readonly highlighter: Highlighter;
  readonly panel: Panel;
  readonly store: Store;
  /** The last profile was read again, if there is one. */
  readonly restored: Promise<void>;
  /** Ends the running job. */
  abort: AbortController | undefined;
  readonly #commands: Commands;
  readonly #status = new StatusBar();
  readonly #endings: Ending[];
  #contexts = INITIAL_CONTEXTS;

  constructor(context: vscode.ExtensionContext, commands: Commands) {
    this.#commands = commands;
    this.extensionUri = context.extensionUri;
    this.runtime = new RuntimeOwner(context.extensionUri);
    this.highlighter = new Highlighter(this.session.view);
    this.panel = new Panel(this.pages, this.session.view, this.pageHost(this.session.view));
    this.store = new Store(context, (line) => this.runtime.log.warn(line));
    this.#endings = [
      this.session.onDidChangeJob(() => this.#onJob()),
      this.session.view.onDidChange(() => this.refresh(this.session.view)),
      this.highlighter.onDidChange(() => this.refresh()),
      this.highlighter.onDidMoveCursor(() => this.#onCursor()),
      this.runtime.onDidChangeState(() => this.#say()),
      this.pages.onDidChangeActive(() => this.#say()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.refresh()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration("hysparse.highlights")) this.highlighter.set({ on: readSettings().highlights });
      }),
    ];
    this.#say();
    this.restored = this.#restore();
  }

  /** What a command means: the report of the page in front, else the panel's. */
  activeView(): ReportView {
    return this.pages.activeView ?? this.session.view;
  }

  /** Runs one of our commands; whatever goes wrong becomes a message. */
  async run(name: CommandName | PanelCommand, view = this.activeView()): Promise<void> {
    try {
      await this.#commands[name](this, view);
    } catch (error) {
      const { messages, panel } = this;
      const { log } = this.runtime;
      const fail = (message: string): void => panel.page?.fail(message);
      tellFailure({ messages, log, fail }, error, () => void this.run(name, view));
    }
  }

  /** What a page that shows `view` needs of the rest. */
  pageHost(view: ReportView): PageHost {
    return {
      extensionUri: this.extensionUri,
      state: async () => {
        await this.restored;
        return panelState(view, this.factsOf(view));
      },
      run: (command) => void this.run(command, view),
      reveal: (start, end, focus) => void reveal(this.messages, view, [start, end], focus),
      log: (line) => this.runtime.log.warn(line),
    };
  }

  factsOf(view: ReportView): PageFacts {
    const { highlighter } = this;
    const shown = highlighter.view === view;
    return {
      job: this.session.job,
      highlights: shown && highlighter.on,
      follow: shown && highlighter.follows,
      canFollow: canFollow(view.subject),
      cursor: shown ? highlighter.cursor : undefined,
      trusted: vscode.workspace.isTrusted,
    };
  }

  /** What `view`'s pages (or all) show has changed. */
  refresh(view?: ReportView): void {
    for (const page of this.pages.of(view)) page.update();
    this.#say();
  }

  dispose(): void {
    this.abort?.abort();
    this.runtime.dispose();
    for (const ending of this.#endings) ending.dispose();
    this.panel.dispose();
    this.highlighter.dispose();
    this.session.dispose();
    this.#status.dispose();
  }

  async #restore(): Promise<void> {
    const subject = await this.store.load();
    // A profile that ended meanwhile is newer.
    if (!subject || this.session.view.subject) return subject?.link?.dispose();
    this.session.view.show(subject);
    this.highlighter.set({ on: readSettings().highlights });
  }

  #onJob(): void {
    for (const page of this.pages.of()) page.updateJob(this.session.job);
    this.#say();
  }

  #onCursor(): void {
    for (const page of this.pages.of(this.highlighter.view)) page.updateCursor(this.highlighter.cursor);
  }

  /** Status bar and context keys. */
  #say(): void {
    this.#status.update(this.runtime, this.session, this.highlighter);
    const { subject, baseline } = this.activeView();
    const inText = this.highlighter.view.subject;
    this.#contexts = changeContexts(
      this.#contexts,
      {
        busy: this.session.job !== undefined,
        hasReport: subject !== undefined,
        canFollow: canFollow(subject),
        hasPassages: (inText?.report.importance?.passages.length ?? 0) > 0 && inText?.link !== undefined,
        comparing: baseline !== undefined,
      },
      (key, value) => void vscode.commands.executeCommand("setContext", key, value),
    );
  }
}
