import { createHash } from "node:crypto";
import { asRun } from "../designs/as-planned.ts";
import { selectingDesign } from "../designs/designs.ts";
import { blockRanges } from "../model/block-ranges.ts";
import { UserError } from "../model/errors.ts";
import { inTurns } from "../model/in-steps.ts";
import { lineEndsOf, lineStarts, withPlainEnds } from "../model/line-ends.ts";
import { count } from "../text/format.ts";
import { editorName, optionName } from "../model/setting-table.ts";
import type { Report } from "../protocol/report.ts";
import type { ProfileRequest } from "./request.ts";

/** The tokens to profile, and what the report says of the document. */
export interface PreparedDocument {
  readonly tokens: Uint32Array;
  /** Those of the whole document, cut or not. */
  readonly allTokens: Uint32Array;
  /** UTF-16 offset of each profiled token's first character, then the end of the profiled text. [tokens + 1] */
  readonly tokenStarts: Uint32Array<ArrayBuffer>;
  readonly report: Report["document"];
}

/**
 * Tokenizes the document and cuts it where it must be cut: at `maxTokens`, or at the context that the model was made for.
 * A cut is always said in the report.
 * @throws UserError when there is nothing to profile; the signal's reason when cancelled
 */
export async function prepareDocument(request: ProfileRequest): Promise<PreparedDocument> {
  const { name, text } = request.document;
  const { architecture, tokenizer } = request.model;
  const { block } = asRun(architecture, selectingDesign(architecture, request.variants));
  const encoding = await inTurns(tokenizer.encodeInSteps(text), request.signal);
  const total = encoding.ids.length;
  if (total === 0) throw new UserError(`${name} is empty: nothing to profile`);
  const limit = request.maxTokens ?? architecture.maxContext;
  const tokens = Math.min(total, limit);
  const kept = {
    ids: encoding.ids.slice(0, tokens),
    starts: encoding.starts.slice(0, tokens),
    ends: encoding.ends.slice(0, tokens),
  };
  const tokenStarts = new Uint32Array(tokens + 1);
  tokenStarts.set(kept.starts);
  tokenStarts[tokens] = kept.ends.at(-1) ?? 0;
  return {
    tokens: kept.ids,
    allTokens: encoding.ids,
    tokenStarts,
    report: {
      name,
      sha256: sha256(text),
      // An editor gives all lines one end: these find the document, and places in it, all the same.
      ...(text.includes("\r") ? { normalizedSha256: sha256(withPlainEnds(text)), lineEnds: lineEnds(text) } : {}),
      bytes: Buffer.byteLength(text, "utf8"),
      characters: text.length,
      lines: lineStarts(text).length,
      tokens,
      totalTokens: total,
      truncated: tokens < total,
      ...(tokens < total ? { truncation: cutNote(request.maxTokens, tokens, total) } : {}),
      blockRanges: blockRanges(kept, block, text.length).map(([start, end]) => [start, end]),
      ...(request.includeText ? { text } : {}),
    },
  };
}

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

function lineEnds(text: string): Report["document"]["lineEnds"] {
  return lineEndsOf(text).map(([end, count]) => [end, count]);
}

function cutNote(maxTokens: number | undefined, tokens: number, total: number): string {
  // Reports are read in both.
  const why =
    maxTokens === undefined
      ? `the model's maximum; to profile all, set ${optionName("maxTokens")} ${total}, or ${editorName("maxTokens")} in VS Code`
      : "the limit that was set";
  return `Profiled the first ${count(tokens)} of ${count(total)} tokens (${why}).`;
}
