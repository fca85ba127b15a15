// What y is: the product or, where ADD, the product plus what the layer was given: residual [M, N], f32. Without ADD another
// input is bound in its place, and not read.

@group(0) @binding(4) var<storage, read> residual: array<f32>;

fn result(at: u32, sum: f32) -> f32 {
  if (ADD) { return residual[at] + sum; }
  return sum;
}
