import * as vscode from "vscode";

/** A list that is shown at once and filled when its items are known; undefined when the user leaves it. */
export function pickWhenReady<T extends vscode.QuickPickItem>(options: {
  readonly title: string;
  readonly placeholder: string;
  readonly items: () => Promise<readonly T[]>;
}): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const pick = vscode.window.createQuickPick<T>();
    pick.title = options.title;
    pick.placeholder = options.placeholder;
    pick.matchOnDescription = true;
    pick.matchOnDetail = true;
    pick.busy = true;
    pick.onDidAccept(() => {
      const [chosen] = pick.selectedItems;
      if (!chosen) return;
      resolve(chosen);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
    options.items().then(
      (items) => {
        pick.items = items;
        pick.busy = false;
      },
      (error: unknown) => {
        reject(error instanceof Error ? error : new Error(String(error)));
        pick.hide();
      },
    );
  });
}
