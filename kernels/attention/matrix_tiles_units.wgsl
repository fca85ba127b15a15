// Tiles of 16 x 16 on matrix units: f16 x f16 -> f32 by a subgroup of 32. matrix_tiles_emulated.wgsl has the same names for
// devices without such units; what differs between decode and prefill stands in matrix_attend_tiles_* and matrix_softmax_tiles_*.
// Offsets count elements of the array that is read or written, whose elements are vec4<u32> and not Half4: left operands loaded
// from an array of vec2<u32> came out wrong on the one driver that was tried.

alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;

/** Nothing to remember: the hardware knows which invocation of a subgroup it is. */
fn begin_subgroup(lane: u32) {}

/** Keys of `tile`, whose rows become the columns of a right operand. */
fn key_tile(at: u32) -> Right { return subgroupMatrixLoad<Right, col_major>(&tile, at, STRIDE); }

/** Values of `tile`. */
fn value_tile(at: u32) -> Right { return subgroupMatrixLoad<Right, row_major>(&tile, at, STRIDE); }

fn add_product(left: Left, right: Right, sums: Sums) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

fn put_sums(at: u32, sums: Sums) { subgroupMatrixStore<row_major>(&logits, at, sums, LOGIT_STRIDE); }

fn get_sums(at: u32) -> Sums { return subgroupMatrixLoad<Sums, row_major>(&logits, at, LOGIT_STRIDE); }
