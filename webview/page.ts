import { markup } from "./markup.ts";

/** What the host knows about the place where the page is shown. */
export interface PageOptions {
  /** Fresh for every page: letters and digits. */
  readonly nonce: string;
  /** `webview.cspSource`: where the style sheet may come from. */
  readonly cspSource: string;
  /** dist/webview/panel.js as the page can load it. */
  readonly scriptUri: string;
  /** dist/webview/panel.css as the page can load it. */
  readonly styleUri: string;
}

/**
 * The panel's page: one script, one style sheet, and nothing else may be loaded, sent or run. Data arrives by message
 * only. The nonce is also named for styles, because the toolkit tries out one empty style element. Pure text: the host
 * calls this without a DOM.
 */
export function pageHtml({ nonce, cspSource, scriptUri, styleUri }: PageOptions): string {
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src ${cspSource} 'nonce-${nonce}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta property="csp-nonce" content="${nonce}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>HySparse Profile</title>
<link rel="stylesheet" href="${styleUri}">
</head>
<body>
<main id="panel" aria-busy="true"></main>
<script nonce="${nonce}" src="${scriptUri}"></script>
</body>
</html>
`.text;
}
