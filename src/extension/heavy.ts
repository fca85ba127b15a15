/**
 * What the host needs only after a command: the runtime's client, the schemas, the exporters. The build makes this a file
 * of its own beside the extension's, so that activation reads none of it; import it with `await import`, never statically.
 * Its classes are other objects than the host's: errors are told apart by name (failure.ts).
 */
export { RuntimeClient } from "../runtime/client.ts";
export { findNode } from "../runtime/find-node.ts";
export { fromPanelSchema } from "../protocol/panel.ts";
export { toCsv } from "../report/csv.ts";
export { exportedPage } from "./pages/exported.ts";
export { readReport, serialize, serializeLine } from "../report/json.ts";
export { asKept, estimateWords, holdsResults, keptReport } from "../report/partial.ts";
export { traceText } from "../report/trace.ts";
export { hoverLines, cursorLines } from "./highlights/hover-text.ts";
export { readTable, tableBytes } from "./stored-table.ts";
