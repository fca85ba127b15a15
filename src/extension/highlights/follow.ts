import type * as vscode from "vscode";
import { cursorAt } from "../../profile/follow.ts";
import type { Cursor } from "../../protocol/panel.ts";
import type { Subject } from "../report-view.ts";
import { cursorSpans, type CursorSpans } from "./ranges.ts";

/** The token under the cursor, and what it reads as ranges of the document. */
export interface Followed {
  readonly cursor: Cursor;
  readonly spans: CursorSpans;
}

/** What the token at `offset` of the document reads; undefined where that text was not profiled, or was edited since. */
export function follow(subject: Subject, document: vscode.TextDocument, offset: number): Followed | undefined {
  const { table, link, report } = subject;
  const profiled = link?.toProfiled(offset);
  if (!table || !link || profiled === undefined) return undefined;
  const lineOf = (start: number): number => {
    const place = link.toDocument(start, start);
    return document.positionAt(place?.[0] ?? offset).line + 1;
  };
  const cursor = cursorAt(table, profiled, lineOf);
  return cursor && { cursor, spans: cursorSpans(cursor, report.document.blockRanges, link.toDocument) };
}
