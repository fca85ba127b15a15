/** What becomes of the parts that a pattern matches, by the names that tokenizer.json gives them. */
export const BEHAVIOURS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

/** A stretch of the text, and whether it counts as a match. */
interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly match: boolean;
}

/**
 * The parts into which a text falls, in order, made as they are asked for; empty ones are left out.
 *
 * @param pattern global, with the flag u or v
 * @param invert what the pattern does not match counts as matched, and the other way round
 */
export function* split(text: string, pattern: RegExp, behaviour: Behaviour, invert: boolean): Generator<string> {
  for (const { start, end, match } of joined(stretches(text, pattern, invert), behaviour)) {
    if (start < end && !(behaviour === "Removed" && match)) yield text.slice(start, end);
  }
}

/** Matches and what lies between them. An empty match right behind another match is none, as in Oniguruma's iteration. */
function* stretches(text: string, pattern: RegExp, invert: boolean): Generator<Stretch> {
  let reached = 0;
  let first = true;
  for (const found of text.matchAll(pattern)) {
    const start = found.index;
    const end = start + found[0].length;
    if (start === end && start === reached && !first) continue;
    first = false;
    if (start > reached) yield { start: reached, end: start, match: invert };
    yield { start, end, match: !invert };
    reached = end;
  }
  if (reached < text.length) yield { start: reached, end: text.length, match: invert };
}

/** Joins each stretch with the one before it where the behaviour says so; which are joined depends on two neighbours. */
function* joined(source: Iterable<Stretch>, behaviour: Behaviour): Generator<Stretch> {
  let open: Stretch | undefined;
  let before: Stretch | undefined;
  for (const stretch of source) {
    if (open !== undefined && before !== undefined && joins(behaviour, before.match, stretch.match)) {
      open = { ...open, end: stretch.end };
    } else {
      if (open !== undefined) yield open;
      open = stretch;
    }
    before = stretch;
  }
  if (open !== undefined) yield open;
}

function joins(behaviour: Behaviour, before: boolean, match: boolean): boolean {
  switch (behaviour) {
    case "MergedWithPrevious":
      return match && !before;
    case "MergedWithNext":
      return before && !match;
    case "Contiguous":
      return match === before;
    default:
      return false;
  }
}
