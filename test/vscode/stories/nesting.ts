import assert from "node:assert/strict";
import { z } from "zod";

const traceSchema = z.object({
  traceEvents: z.array(
    z.object({
      ph: z.string(),
      name: z.string(),
      pid: z.union([z.number(), z.string()]),
      tid: z.union([z.number(), z.string()]).optional(),
      ts: z.number().optional(),
      dur: z.number().optional(),
    }),
  ),
});

/** Any two spans of one track lie one inside the other or apart; microseconds, rounding of a nanosecond allowed. */
export function assertStrictlyNested(text: string): void {
  const { traceEvents } = traceSchema.parse(JSON.parse(text));
  const tracks = new Map<string, { name: string; from: number; to: number }[]>();
  for (const { ph, name, pid, tid, ts, dur } of traceEvents) {
    if (ph !== "X") continue;
    assert.ok(ts !== undefined && dur !== undefined && dur >= 0, `${name} has no time`);
    const key = `${pid}/${tid ?? ""}`;
    tracks.set(key, [...(tracks.get(key) ?? []), { name, from: ts, to: ts + dur }]);
  }
  assert.ok(tracks.size > 0, "no spans");
  for (const spans of tracks.values()) {
    spans.sort((a, b) => a.from - b.from || b.to - a.to);
    const open: typeof spans = [];
    for (const span of spans) {
      while (open.length > 0 && open.at(-1)!.to <= span.from + 0.001) open.pop();
      const parent = open.at(-1);
      assert.ok(parent === undefined || span.to <= parent.to + 0.001, `${span.name} leaves ${parent?.name ?? ""}`);
      open.push(span);
    }
  }
}
