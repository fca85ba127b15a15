import type { PanelState } from "../../src/protocol/panel.ts";
import type { MissingPart } from "../../src/protocol/partial.ts";
import type { SectionId } from "./sections.ts";

const ROUND = { parts: ["prefill"], text: "Waiting for the first round." } as const;
const SELECTION = { parts: ["selection"], text: "Waiting for the first run over the document." } as const;

/** What a section waits for while a run goes on, by the parts of the report that it shows. */
const WAITING: Partial<Record<SectionId, { readonly parts: readonly MissingPart[]; readonly text: string }>> = {
  latency: ROUND,
  memory: ROUND,
  selection: SELECTION,
  text: SELECTION,
  checks: { parts: ["fidelity", "swaps"], text: "Checks of the selection run last." },
  oracleMap: { parts: ["oracleMap"], text: "The oracle map is made last, from a run of its own." },
  lengths: { parts: ["sweep"], text: "Other lengths are measured after this one." },
};

/** Why a section is empty, in a few words; undefined where nothing will come. */
export function waitingText(id: SectionId, { report, job }: PanelState): string | undefined {
  const waiting = WAITING[id];
  const running = job !== undefined && report?.partial?.state === "running";
  if (waiting === undefined || !running) return undefined;
  return waiting.parts.some((part) => report.partial?.missing.includes(part)) ? waiting.text : undefined;
}
