/** The panel's webview type. */
export const PANEL_TYPE = "hysparse.panel";

/** The report editor's view type. */
export const REPORT_TYPE = "hysparse.report";
