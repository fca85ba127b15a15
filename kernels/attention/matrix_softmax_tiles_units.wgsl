// Tiles of 16 x 16 on matrix units: f16 x f16 -> f32 by a subgroup of 32. matrix_softmax_tiles_emulated.wgsl has the same names
// for devices without such units. Offsets count elements of the array that is read or written.

alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;

/// Nothing to remember: the hardware knows which invocation of a subgroup it is.
fn begin_subgroup(lane: u32) {}

/// Rows of `weights`.
fn weight_tile(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&weights, at, WEIGHT_STRIDE); }

/// Keys of `tile`, whose rows become the columns of a right operand.
fn key_tile(at: u32) -> Right { return subgroupMatrixLoad<Right, col_major>(&tile, at, STRIDE); }

/// Values of `tile`.
fn value_tile(at: u32) -> Right { return subgroupMatrixLoad<Right, row_major>(&tile, at, STRIDE); }

fn add_product(left: Left, right: Right, sums: Sums) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

fn put_sums(at: u32, sums: Sums) { subgroupMatrixStore<row_major>(&logits, at, sums, LOGIT_STRIDE); }

fn get_sums(at: u32) -> Sums { return subgroupMatrixLoad<Sums, row_major>(&logits, at, LOGIT_STRIDE); }

/// The larger of `own` and its value in the other invocation of the row. (The rest is for the emulation.)
fn row_maximum(own: f32, at: u32, first: u32, end: u32) -> f32 { return max(own, subgroupShuffleXor(own, 1u)); }
