/**
 * |W row|^2 of every row, summed in float64.
 * @param weight [outputs, inputs]
 * @param rows [n, inputs]
 */
export function squaredNorms(weight: Float32Array, rows: Float32Array, inputs: number): Float64Array {
  const count = rows.length / inputs;
  const norms = new Float64Array(count);
  // Four rows for every pass over the weight: it is what the time goes into.
  for (let row = 0; row < count; row += 4) {
    const a = row * inputs;
    const b = Math.min(row + 1, count - 1) * inputs;
    const c = Math.min(row + 2, count - 1) * inputs;
    const d = Math.min(row + 3, count - 1) * inputs;
    for (let from = 0; from < weight.length; from += inputs) {
      let [p, q, r, s] = [0, 0, 0, 0];
      for (let i = 0; i < inputs; i++) {
        const w = weight[from + i]!;
        p += w * rows[a + i]!;
        q += w * rows[b + i]!;
        r += w * rows[c + i]!;
        s += w * rows[d + i]!;
      }
      norms[row]! += p * p;
      if (row + 1 < count) norms[row + 1]! += q * q;
      if (row + 2 < count) norms[row + 2]! += r * r;
      if (row + 3 < count) norms[row + 3]! += s * s;
    }
  }
  return norms;
}
