/** Steps of the integral below; its error stays under 1e-4 of the quantile from one degree of freedom to thousands. */
const STEPS = 2000;

const known = new Map<string, number>();

/**
 * The t that a Student variable of `freedom` degrees (1 or more, fractions allowed) stays within, on both sides, with
 * probability `level`. With t = sqrt(freedom) tan(x) its density is cos(x)^(freedom - 1), which is summed until `level` of
 * the whole is reached.
 */
export function studentT(freedom: number, level = 0.95): number {
  const key = `${freedom} ${level}`;
  const found = known.get(key) ?? search(freedom, level);
  known.set(key, found);
  return found;
}

function search(freedom: number, level: number): number {
  // Beyond ten standard deviations of x there is nothing left to sum.
  const step = Math.min(Math.PI / 2, 10 / Math.sqrt(freedom)) / STEPS;
  const density = (x: number): number => Math.max(0, Math.cos(x)) ** (freedom - 1);
  const areas = [0];
  for (let i = 0; i < STEPS; i++) {
    const from = i * step;
    const simpson = density(from) + 4 * density(from + step / 2) + density(from + step);
    areas.push(areas[i]! + (step / 6) * simpson);
  }
  const wanted = level * areas[STEPS]!;
  const above = areas.findIndex((area) => area >= wanted);
  const share = (wanted - areas[above - 1]!) / (areas[above]! - areas[above - 1]!);
  return Math.sqrt(freedom) * Math.tan((above - 1 + share) * step);
}
