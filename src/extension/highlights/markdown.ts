/** Text as Markdown that shows it as it is. VS Code's own appendText makes every space one that no line is broken at. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!~<>|&]/gu, "\\$&");
}
