import * as vscode from "vscode";
import type { Ending } from "./emitter.ts";
import type { Session } from "./session.ts";
import { shareOf, stepText } from "./status-text.ts";
import { message } from "../model/printable.ts";

/** Work that ends sooner needs no notification: the status bar and the panel tell of it at once. */
const PATIENCE_MS = 2000;

/** Shows a notification with a button to cancel, once the session's job takes long. Disposed of when the job ends. */
export function tellProgress(session: Session, cancel: () => void): Ending {
  let end: (() => void) | undefined;
  const timer = setTimeout(() => {
    const { job } = session;
    if (!job) return;
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: message(`HySparse: ${job.title}`),
      cancellable: true,
    };
    void vscode.window.withProgress(options, (progress, token) => {
      let told = 0;
      const tell = (): void => {
        if (!session.job) return;
        const percent = (shareOf(session.job) ?? 0) * 100;
        progress.report({ message: message(stepText(session.job)), increment: Math.max(0, percent - told) });
        told = Math.max(told, percent);
      };
      tell();
      const endings = [session.onDidChangeJob(tell), token.onCancellationRequested(cancel)];
      return new Promise<void>((resolve) => {
        end = () => {
          for (const ending of endings) ending.dispose();
          resolve();
        };
      });
    });
  }, PATIENCE_MS);
  return {
    dispose: () => {
      clearTimeout(timer);
      end?.();
    },
  };
}
