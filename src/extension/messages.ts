import * as vscode from "vscode";
import { message as printable } from "../model/printable.ts";

/** What the user is told outside the panel, short and with nothing in it that steers; remembers the last complaint. */
export class Messages {
  #last: string | undefined;

  /** The last error or warning that was shown. */
  get last(): string | undefined {
    return this.#last;
  }

  /** @returns the action that was chosen */
  error(message: string, ...actions: string[]): Thenable<string | undefined> {
    this.#last = printable(message);
    return vscode.window.showErrorMessage(this.#last, ...actions);
  }

  warn(message: string, ...actions: string[]): Thenable<string | undefined> {
    this.#last = printable(message);
    return vscode.window.showWarningMessage(this.#last, ...actions);
  }

  info(message: string, ...actions: string[]): Thenable<string | undefined> {
    return vscode.window.showInformationMessage(printable(message), ...actions);
  }
}
