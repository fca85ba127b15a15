import { z } from "zod";
import { MAP_MEASURE_NAMES } from "../src/report/oracle-map.ts";

/** What a reader has set on the page itself; it outlives a reload, while the data comes from the host again. */
const uiStateSchema = z.strictObject({
  phase: z.enum(["prefill", "decode"]),
  /** What the map of pairs of layers shows. */
  measure: z.enum(MAP_MEASURE_NAMES).default("rest"),
  /** Tables and notes that were opened, by name. */
  open: z.array(z.string()),
  /** Pixels from the top: of the page, and of the document's text. */
  scroll: z.number().nonnegative(),
  textScroll: z.number().nonnegative(),
});

export type UiState = z.infer<typeof uiStateSchema>;

const FRESH: UiState = { phase: "prefill", measure: "rest", open: [], scroll: 0, textScroll: 0 };

/** What an earlier page saved, or a fresh start where that was nothing or of an older form. */
export function restoreUi(saved: unknown): UiState {
  const parsed = uiStateSchema.safeParse(saved);
  return parsed.success ? parsed.data : FRESH;
}
