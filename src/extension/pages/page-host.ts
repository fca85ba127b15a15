import type { Host } from "../host.ts";
import { reveal } from "../reveal.ts";
import type { ReportView } from "../report-view.ts";
import { panelState } from "../session.ts";
import type { PageHost } from "./page.ts";

/** Joins a page that shows `view` with the rest of the extension. */
export function pageHost(host: Host, view: ReportView): PageHost {
  return {
    extensionUri: host.extensionUri,
    state: async () => {
      await host.restored;
      return panelState(view, host.factsOf(view));
    },
    run: (command) => void host.run(command, view),
    reveal: (start, end, focus) => void reveal(host, view, [start, end], focus),
    log: (line) => host.runtime.log.warn(line),
  };
}
