import type { Passage } from "../../protocol/report.ts";
import type { Span, ToDocument } from "./ranges.ts";

/** The important passages that are still in the document as they were, in its order. */
export function passageSpans(passages: readonly Passage[], toDocument: ToDocument): Span[] {
  return passages
    .flatMap(({ start, end }) => {
      const span = toDocument(start, end);
      return span ? [span] : [];
    })
    .sort((a, b) => a[0] - b[0]);
}

/** The passage after (or before) the one at `offset`; from the last it goes on with the first, and the other way round. */
export function neighbour(spans: readonly Span[], offset: number, direction: "next" | "previous"): Span | undefined {
  if (direction === "next") return spans.find(([start]) => start > offset) ?? spans[0];
  return spans.findLast(([start]) => start < offset) ?? spans.at(-1);
}
