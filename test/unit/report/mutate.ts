import { Random } from "../../../src/model/random.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const NUMBERS: readonly Json[] = [0, 1, -1, 0.5, 2, 63, 1e15, 2 ** 53 - 1, 1e308, 1e-308, null, "7"];
const STRINGS: readonly Json[] = [
  "",
  " ",
  "x".repeat(5000),
  "\u001b[2J\u202e\ud83d",
  "full",
  "hysparse",
  "2026-11-22T01:05:09.000Z",
  0,
  null,
];

/**
 * A copy of a JSON document with one thing changed at a random place: a value left out, an array cut, emptied, turned round, with
 * an element twice or one at another place, a number or a text replaced by one at its ends. Says what was done.
 */
export function mutated(original: unknown, seed: number): { readonly value: unknown; readonly what: string } {
  const random = new Random(seed);
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)]!;
  const value = structuredClone(original) as Json;
  // Fields first and then one of its places: else nearly all would fall on the long lists of numbers.
  const byPath = new Map<string, { readonly holder: Json[] | Record<string, Json>; readonly key: string | number }[]>();
  const walk = (holder: Json, path: string): void => {
    if (typeof holder !== "object" || holder === null) return;
    for (const key of Array.isArray(holder) ? holder.keys() : Object.keys(holder)) {
      const at = `${path}.${typeof key === "number" ? "*" : key}`;
      const known = byPath.get(at);
      if (known === undefined) byPath.set(at, [{ holder, key }]);
      else known.push({ holder, key });
      walk((holder as Record<string, Json>)[key]!, at);
    }
  };
  walk(value, "");
  const path = pick([...byPath.keys()]);
  const { holder, key } = pick(byPath.get(path)!);
  const of = holder as Record<string, Json>;
  const before = of[key]!;
  const change = (to: Json, how: string): { value: unknown; what: string } => {
    of[key] = to;
    return { value, what: `${path}: ${how}` };
  };
  if (random.below(6) === 0) {
    if (Array.isArray(holder)) holder.splice(key as number, 1);
    else Reflect.deleteProperty(holder, key);
    return { value, what: `${path}: left out` };
  }
  if (Array.isArray(before)) {
    switch (random.below(6)) {
      case 0:
        return change([], "emptied");
      case 1:
        return change(before.slice(0, random.below(before.length + 1)), "cut");
      case 2:
        return change([...before].reverse(), "reversed");
      case 3:
        return change([...before, ...before.slice(-1)], "its last twice");
      case 4:
        return change([...before.slice(1), ...before.slice(0, 1)], "rotated");
      default:
        return change(before.slice(1), "without its first");
    }
  }
  if (typeof before === "number") {
    const to = random.below(4) === 0 ? before + pick([-1, 1, 1000]) : pick(NUMBERS);
    return change(to, `${before} became ${JSON.stringify(to)}`);
  }
  if (typeof before === "string") return change(pick(STRINGS), "another text");
  if (typeof before === "boolean") return change(!before, "turned");
  return change({}, "emptied");
}
