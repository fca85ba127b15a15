import { markup } from "../../../webview/markup.ts";

/** The command that shows the file of the active editor as text; the only one that the page below may run. */
export const REOPEN_AS_TEXT = "workbench.action.reopenTextEditor";

/** A page without scripts that says why a file is no report, and leads to its text. */
export function failurePage(message: string): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; base-uri 'none'; form-action 'none'">
<title>HySparse Report</title>
</head>
<body>
<h1>Cannot show this report</h1>
<p role="alert">${message}</p>
<p><a href="command:${REOPEN_AS_TEXT}">Open as text</a></p>
</body>
</html>
`.text;
}
