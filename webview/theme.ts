import type { Hue } from "../src/designs/look.ts";

/** Each hue is one of VS Code's own. */
const HUES: Readonly<Record<Hue, string>> = {
  blue: "--vscode-charts-blue",
  green: "--vscode-charts-green",
  cyan: "--vscode-terminal-ansiCyan",
  purple: "--vscode-charts-purple",
  red: "--vscode-charts-red",
  yellow: "--vscode-charts-yellow",
  grey: "--vscode-descriptionForeground",
  pale: "--vscode-charts-lines",
};

/** The editor's colours and type now. Canvases cannot read style sheets, so they are handed these. */
export interface Theme {
  /** Colours say nothing here: fills are patterns of ink on paper. */
  readonly contrast: boolean;
  readonly ink: string;
  readonly soft: string;
  readonly paper: string;
  readonly grid: string;
  readonly focus: string;
  readonly hover: { readonly paper: string; readonly ink: string; readonly border: string };
  readonly font: string;
  readonly size: number;
  readonly hues: Readonly<Record<Hue, string>>;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const contrast = document.body.dataset["vscodeThemeKind"]?.startsWith("vscode-high-contrast") ?? false;
  const ink = style.color;
  const read = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  const paper = style.backgroundColor;
  const hue = (name: Hue): string => read(HUES[name], ink);
  return {
    contrast,
    ink,
    paper,
    soft: contrast ? ink : read("--vscode-descriptionForeground", ink),
    grid: contrast ? ink : read("--vscode-editorIndentGuide-background1", read("--vscode-charts-lines", ink)),
    focus: read("--vscode-focusBorder", ink),
    hover: {
      paper: read("--vscode-editorHoverWidget-background", paper),
      ink: read("--vscode-editorHoverWidget-foreground", ink),
      border: read("--vscode-editorHoverWidget-border", ink),
    },
    font: style.fontFamily,
    size: Math.max(10, Number.parseFloat(style.fontSize) - 1),
    hues: {
      blue: hue("blue"),
      green: hue("green"),
      cyan: hue("cyan"),
      purple: hue("purple"),
      red: hue("red"),
      yellow: hue("yellow"),
      grey: hue("grey"),
      pale: hue("pale"),
    },
  };
}

/**
 * Calls `changed` after the editor's theme or fonts changed. VS Code sets its variables on the root element and names the
 * theme on the body, in several steps: one call for all of them, in the next frame.
 */
export function watchTheme(changed: () => void): void {
  let pending = false;
  const observer = new MutationObserver(() => {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      changed();
    });
  });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["style", "class"] });
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: ["class", "data-vscode-theme-kind", "data-vscode-theme-id"],
  });
}
