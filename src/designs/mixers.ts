import {
  indexBytes,
  ownAttention,
  ownChoice,
  ownChoiceAttention,
  scoreBytes,
  selectedAttention,
  type Costs,
  type Work,
} from "./costs.ts";
import type { ExtraWeightsOf } from "./extra-weights.ts";
import type { Fill } from "./look.ts";
import { nsaCosts } from "./nsa/costs.ts";
import { nsaTensors } from "./nsa/weights.ts";
import type { MixerId } from "./plan.ts";

/** What is known of a way to attend apart from how an engine computes it. */
export interface Mixer {
  /** Two gates per query head (or per value) are projected beside queries and keys. */
  readonly gated: boolean;
  /** Tensors that no checkpoint has: those that a model lacks are made up for it, at random (src/model/extra-weights.ts). */
  readonly weights?: ExtraWeightsOf;
  /** The stages inside `attend`, or `attend` itself where it is not split. */
  costs(work: Work): Costs;
  /** What the KV ledger calls a layer that mixes so, and how it is drawn there. */
  readonly role: { readonly name: string; readonly meaning: string; readonly fill: Fill };
}

/** Every mixer; several designs may share one. Their ids are the kinds of layers in a report. */
export const MIXERS: Readonly<Record<MixerId, Mixer>> = {
  full: {
    gated: false,
    costs: (work) => {
      const own = ownAttention(work);
      if (work.layer.feeds.length === 0) return { attend: own };
      const scores = scoreBytes(work);
      return {
        score: { flops: own.flops, bytes: own.bytes + scores },
        select: { flops: 0, bytes: scores + indexBytes(work) },
      };
    },
    role: {
      name: "owner",
      meaning: "keeps the keys and values of every token",
      fill: { hue: "blue", pattern: "solid" },
    },
  },
  sparse: {
    gated: true,
    costs: (work) => ({ sparse: selectedAttention(work), window: ownAttention(work) }),
    role: {
      name: "borrower",
      meaning: "keeps its own window and reads the selected blocks of its oracle",
      fill: { hue: "green", pattern: "dots" },
    },
  },
  window: {
    gated: false,
    costs: (work) => ({ window: ownAttention(work) }),
    role: {
      name: "window only",
      meaning: "keeps and reads only a window",
      fill: { hue: "yellow", pattern: "level" },
    },
  },
  streaming: {
    gated: false,
    costs: (work) => ({ window: ownAttention(work) }),
    role: {
      name: "first and window",
      meaning: "keeps and reads only the first tokens and a window",
      fill: { hue: "purple", pattern: "upright" },
    },
  },
  moba: {
    gated: false,
    costs: (work) =>
      // A span that does not begin the context is decoded.
      work.span.from > 0 && work.layer.gate?.decode === "dense"
        ? { attend: ownAttention(work) }
        : { select: ownChoice(work), sparse: ownChoiceAttention(work) },
    role: {
      name: "chooser",
      meaning: "keeps the keys and values of every token and the mean of every block, and reads the blocks it chooses",
      fill: { hue: "red", pattern: "rising" },
    },
  },
  nsa: {
    gated: false,
    weights: nsaTensors,
    costs: nsaCosts,
    role: {
      name: "three branches",
      meaning: "keeps the keys and values of every token, others of a window, and one compressed pair per stride",
      fill: { hue: "cyan", pattern: "crosses" },
    },
  },
  reuse: {
    gated: false,
    costs: (work) => ({ sparse: selectedAttention(work) }),
    role: {
      name: "follower",
      meaning: "keeps the keys and values of every token, and reads those in the blocks that an earlier layer chose",
      fill: { hue: "cyan", pattern: "falling" },
    },
  },
};

export const MIXER_IDS = Object.keys(MIXERS) as readonly MixerId[];
