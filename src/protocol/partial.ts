import { z } from "zod";

/** What a profile measures, in this order; a partial report names those that it lacks, or has only some of. */
export const MISSING_PARTS = [
  "selection",
  "prefill",
  "decode",
  "peak",
  "sweep",
  "fidelity",
  "swaps",
  "oracleMap",
] as const;
export type MissingPart = (typeof MISSING_PARTS)[number];

/** That a report was made before its run was over, and what it lacks. */
export const partialSchema = z
  .strictObject({
    state: z
      .enum(["running", "stopped"])
      .describe("the run still went on when this was told, or this is all that is kept of it"),
    missing: z.array(z.enum(MISSING_PARTS)).min(1).describe("asked for, and not measured or not to the end"),
  })
  .describe("not everything that was asked for was measured; what is here was. Absent in complete reports");
