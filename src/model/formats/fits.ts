import type { DesignId } from "../../designs/designs.ts";
import type { Architecture } from "../architecture.ts";
import { UserError } from "../errors.ts";
import type { LazyTensor } from "../tensor.ts";
import { tensorShapes } from "../tensors.ts";

/** What the parts of a checkpoint must have in common, and how messages call those parts. */
export interface Expected {
  readonly architecture: Architecture;
  readonly design: DesignId;
  readonly weights: string;
  readonly config: string;
}

type Shaped = Pick<LazyTensor, "shape">;

/**
 * Whether these are the tensors of that architecture and design, no more and no fewer.
 * @param otherwise what else can be done where the shapes are not met, e.g. "Write ..."
 * @throws UserError with everything that is missing, unknown or of another shape
 */
export function checkTensors(
  found: ReadonlyMap<string, Shaped>,
  { architecture, design, weights, config }: Expected,
  otherwise: string = `Correct the architecture in ${config}`,
): void {
  const expected = tensorShapes(architecture, design);
  const findings: string[] = [];
  const list = (what: string, names: string[]): void => {
    if (names.length === 0) return;
    const shown = names.slice(0, 3).join(", ");
    findings.push(`${what} ${shown}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`);
  };
  list(
    "lacks",
    [...expected.keys()].filter((name) => !found.has(name)),
  );
  list(
    "holds the unknown",
    [...found.keys()].filter((name) => !expected.has(name)),
  );
  list(
    "has the wrong shape for",
    [...expected].flatMap(([name, shape]) => {
      const actual = found.get(name)?.shape;
      const same = actual === undefined || (actual.length === shape.length && actual.every((n, i) => n === shape[i]));
      return same ? [] : [`${name} (${shapeText(actual)} where ${config} implies ${shapeText(shape)})`];
    }),
  );
  if (findings.length > 0) {
    throw new UserError(
      `${weights} does not fit ${config}: it ${findings.join("; it ")}. ${otherwise} or export the weights again.`,
    );
  }
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/**
 * Embedding rows beyond the tokenizer's last token that still count as padding: models round their vocabulary up to
 * please matrix units (gpt-oss by 1069). More is a tokenizer of another model.
 */
const MAX_PADDING_ROWS = 2048;

/**
 * Whether a tokenizer of so many tokens goes with the model. @param source how messages call the tokenizer
 * @returns notes for the reader
 * @throws UserError when it belongs to another model
 */
export function checkVocabulary(tokens: number, { vocabulary }: Architecture, source: string): string[] {
  if (tokens > vocabulary || vocabulary - tokens > MAX_PADDING_ROWS) {
    throw new UserError(
      `${source} has ${tokens} tokens but the model's vocabulary is ${vocabulary}: ` +
        `it belongs to another model. Put the tokenizer that the model was trained with in the folder.`,
    );
  }
  return tokens === vocabulary
    ? []
    : [`The embedding's rows ${tokens} to ${vocabulary - 1} are padding without tokens.`];
}
