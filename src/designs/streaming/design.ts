import { count, plural } from "../../report/format.ts";
import { MOST_TOKENS } from "../../model/limits.ts";
import type { Design } from "../design.ts";
import { WINDOW, type ValuesOf } from "../parameters.ts";

const parameters = {
  first: {
    meaning: "tokens at the beginning of the context that every query sees",
    least: 0,
    most: MOST_TOKENS,
    // As many as the paper found to be enough.
    default: (): number => 4,
  },
  window: WINDOW,
} as const;

/**
 * StreamingLLM (arXiv 2309.17453): every layer keeps the first tokens of the context, which trained models use as sinks of
 * attention, and a window. KV memory does not grow. The window is the model's where
 * nobody says (the paper measures 1,020 with 4 first tokens); keys are rotated by their place in the text.
 */
export const streaming = {
  id: "streaming",
  title: "StreamingLLM",
  short: "Streaming",
  words: "StreamingLLM",
  meaning: "every layer keeps the first tokens of the context and a window, and reads nothing else",
  look: { hue: "purple", pattern: "upright", dash: [8, 3, 2, 3], point: "rectRot" },
  onRequest: true,
  needs: [],
  parameters,
  caveats: (_, tokens, { first, window }) =>
    first + window < tokens
      ? []
      : [
          `Nothing is left out under StreamingLLM here: its first ${count(first)} tokens and its window of ${count(window)} together ` +
            `cover the whole document (${plural(tokens, "token")}).`,
        ],
  plan: ({ layers }, { first, window }) =>
    Array.from({ length: layers }, () => ({
      mixer: "streaming",
      keeps: { kind: "ring", tokens: window, first },
      scores: false,
      feeds: [],
    })),
} as const satisfies Design<ValuesOf<typeof parameters>>;
