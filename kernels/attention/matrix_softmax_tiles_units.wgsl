// What matrix_softmax.wgsl asks of matrix_tiles_units.wgsl beside what all do.

/// Rows of `weights`.
fn weight_tile(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&weights, at, WEIGHT_STRIDE); }

/// The larger of `own` and its value in the other invocation of the row. (The rest is for the emulation.)
fn row_maximum(own: f32, at: u32, first: u32, end: u32) -> f32 { return max(own, subgroupShuffleXor(own, 1u)); }
