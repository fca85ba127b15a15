// Tiles of 16 x 16 on matrix units: f16 x f16 -> f32 by a subgroup of 32. matrix_attend_tiles_emulated.wgsl has the same names for
// devices without such units. Offsets count elements of the array that is read or written.

alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;

/** Not Half4: left operands loaded from an array of vec2<u32> came out wrong on the one driver that was tried. */

/** Nothing to remember: the hardware knows which invocation of a subgroup it is. */
fn begin_subgroup(lane: u32) {}

/** Columns 16 n .. of the queries. */
fn query_tile(n: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&queries, 2u * n, QUERY_STRIDE); }

/** Weights of the tile's keys 16 t .. . */
fn weight_tile(t: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&weights, 2u * t, WEIGHT_STRIDE); }

/** Keys of `tile`, whose rows become the columns of a right operand. */
fn key_tile(at: u32) -> Right { return subgroupMatrixLoad<Right, col_major>(&tile, at, STRIDE); }

/** Values of `tile`. */
fn value_tile(at: u32) -> Right { return subgroupMatrixLoad<Right, row_major>(&tile, at, STRIDE); }

fn add_product(left: Left, right: Right, sums: Sums) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

fn put_sums(at: u32, sums: Sums) { subgroupMatrixStore<row_major>(&logits, at, sums, LOGIT_STRIDE); }

fn get_sums(at: u32) -> Sums { return subgroupMatrixLoad<Sums, row_major>(&logits, at, LOGIT_STRIDE); }

/** The largest of `own` in four neighbouring invocations: 16 logits. (The rest is for the emulation.) */
fn largest_of_sixteen(own: f32, at: u32, count: u32) -> f32 {
  let top = max(own, subgroupShuffleXor(own, 1u));
  return max(top, subgroupShuffleXor(top, 2u));
}

/** The largest of all invocations of the row, where four neighbouring ones agree already. */
fn largest_of_row(own: f32, at: u32, count: u32) -> f32 {
  var top = own;
  if (LANES > 4u) { top = max(top, subgroupShuffleXor(top, 4u)); }
  if (LANES > 8u) { top = max(top, subgroupShuffleXor(top, 8u)); }
  return top;
}
