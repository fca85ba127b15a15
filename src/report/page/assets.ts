import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { pageAsset } from "../../model/package-root.ts";

/** A style sheet or script that goes into the page as it is. */
export interface Asset {
  readonly text: string;
  /** What the page's content security policy allows it by. */
  readonly hash: string;
}

/** The page's scripts in the order in which they run: chart.js first, the others use it. */
export function scripts(): Asset[] {
  return [chartJs(), `${own("looks.js")}\n${own("charts.js")}`, own("document.js")].map((text) =>
    asset(inScript(text)),
  );
}

export function styles(): Asset {
  return asset(["page.css", "charts.css", "document.css"].map(own).join("\n"));
}

function own(name: string): string {
  return readFileSync(pageAsset(`src/report/page/${name}`), "utf8");
}

/** chart.js for browsers, from the installed package; its source map is not shipped, so its mention goes. */
function chartJs(): string {
  const file = pageAsset("node_modules/chart.js/dist/chart.umd.min.js");
  return readFileSync(file, "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, "");
}

/** In JavaScript these strings only occur inside literals, where a backslash changes nothing. */
function inScript(text: string): string {
  return text.replace(/<\/(script)/gi, "<\\/$1").replaceAll("<!--", "<\\!--");
}

function asset(text: string): Asset {
  return { text, hash: `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'` };
}
