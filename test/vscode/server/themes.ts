import type { DrivenWindow } from "./driven-window.ts";

/** The themes that the panel is looked at in: a name for files, and VS Code's name for the setting. */
export const THEMES = [
  { name: "dark", setting: "Dark Modern", kind: "vscode-dark" },
  { name: "light", setting: "Light Modern", kind: "vscode-light" },
  { name: "high-contrast-dark", setting: "Default High Contrast", kind: "vscode-high-contrast" },
  { name: "high-contrast-light", setting: "Default High Contrast Light", kind: "vscode-high-contrast-light" },
] as const;

export type Theme = (typeof THEMES)[number];

/** Switches the running window to a theme and waits until the panel's frame has heard of it. */
export async function wearTheme({ remote, window }: DrivenWindow, theme: Theme): Promise<void> {
  await remote.ask({ ask: "setting", key: "workbench.colorTheme", value: theme.setting });
  const { page } = window;
  const started = Date.now();
  for (;;) {
    for (const frame of page.frames()) {
      const worn = await frame
        .locator(`body.${theme.kind} main#panel`)
        .count()
        .catch(() => 0);
      if (worn > 0) {
        // The page recolours its charts in the frame after.
        await page.waitForTimeout(400);
        return;
      }
    }
    if (Date.now() - started > 20_000) throw new Error(`the panel does not wear ${theme.setting} after 20 s`);
    await page.waitForTimeout(50);
  }
}
