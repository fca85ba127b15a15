// Sums begin with what the layer was given: a 16x16 piece of residual [M, N], f32.
// Only whole tiles begin so; the stride of narrower outputs must be valid all the same.
fn begin(at: u32) -> Acc { return subgroupMatrixLoad<Acc, row_major>(&residual, at, max(OUTPUTS, 16u)); }
