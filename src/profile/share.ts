/** A sum of probabilities in floating point can leave 0 .. 1 by its last bit. */
export function share(sum: number): number {
  return Math.min(1, Math.max(0, sum));
}
