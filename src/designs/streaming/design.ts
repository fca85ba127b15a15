import { count, plural } from "../../report/format.ts";
import type { Design } from "../design.ts";

/** Tokens at the beginning of the context that every query sees: as many as the paper found to be enough. */
const FIRST = 4;

/**
 * StreamingLLM (arXiv 2309.17453): every layer keeps the first tokens of the context, which trained models use as sinks of
 * attention, and a window. KV memory does not grow. The window is the model's; keys are rotated by their place in the text.
 */
export const streaming = {
  id: "streaming",
  title: "StreamingLLM",
  short: "Streaming",
  words: "StreamingLLM",
  meaning: `every layer keeps and reads only the first ${FIRST} tokens and a window`,
  look: { hue: "purple", pattern: "upright", dash: [8, 3, 2, 3], point: "rectRot" },
  onRequest: true,
  needs: [],
  caveats: ({ window }, tokens) =>
    FIRST + window < tokens
      ? []
      : [
          `StreamingLLM drops nothing here: its first ${count(FIRST)} tokens and its window of ${count(window)} ` +
            `cover the whole document (${plural(tokens, "token")}).`,
        ],
  plan: ({ layers, window }) =>
    Array.from({ length: layers }, () => ({
      mixer: "streaming",
      keeps: { kind: "ring", tokens: window, first: FIRST },
      scores: false,
      feeds: [],
    })),
} as const satisfies Design;
