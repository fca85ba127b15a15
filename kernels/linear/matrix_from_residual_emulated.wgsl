// Sums begin with what the layer was given: a 16x16 piece of residual [M, N], f32; without matrix units, for tests.
fn begin(at: u32) -> Acc {
  var values: Acc;
  let first = at + lane / 2u * OUTPUTS + lane % 2u * 8u;
  for (var i = 0u; i < 8u; i++) { values[i] = residual[first + i]; }
  return values;
}
