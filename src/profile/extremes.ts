/**
 * The least of some numbers and `start`. Not Math.min of a spread array: that passes every number as an argument, of which there may be
 * some ten thousands only, and reports hold more.
 */
export function least(values: Iterable<number>, start = Infinity): number {
  let found = start;
  for (const value of values) if (value < found) found = value;
  return found;
}

/** The largest of some numbers and `start`. */
export function largest(values: Iterable<number>, start = -Infinity): number {
  let found = start;
  for (const value of values) if (value > found) found = value;
  return found;
}
