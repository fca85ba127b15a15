import * as vscode from "vscode";

/** What the user is told outside the panel; remembers the last complaint. */
export class Messages {
  #last: string | undefined;

  /** The last error or warning that was shown. */
  get last(): string | undefined {
    return this.#last;
  }

  /** @returns the action that was chosen */
  error(message: string, ...actions: string[]): Thenable<string | undefined> {
    this.#last = message;
    return vscode.window.showErrorMessage(message, ...actions);
  }

  warn(message: string, ...actions: string[]): Thenable<string | undefined> {
    this.#last = message;
    return vscode.window.showWarningMessage(message, ...actions);
  }

  info(message: string, ...actions: string[]): Thenable<string | undefined> {
    return vscode.window.showInformationMessage(message, ...actions);
  }
}
