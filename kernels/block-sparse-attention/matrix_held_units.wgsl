// Products of 16x16 tiles on matrix units whose right operand stays in registers. What is multiplied and what comes out
// lies in `pool`, workgroup memory of 16-byte words: eight halves or four f32. Offsets and strides count words; a team is
// a subgroup of 32.

alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Held = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;

/** 16 rows of 16 halves. */
fn left_tile(offset: u32, stride: u32) -> Left {
  return subgroupMatrixLoad<Left, row_major>(&pool, offset, stride);
}

/** The transpose of 16 rows of 16 halves, OPERAND words apart: a tile of K^T. */
fn held_turned(offset: u32) -> Held { return subgroupMatrixLoad<Held, col_major>(&pool, offset, OPERAND); }

/** 16 rows of 16 halves as they are, OPERAND words apart: a tile of V. */
fn held(offset: u32) -> Held { return subgroupMatrixLoad<Held, row_major>(&pool, offset, OPERAND); }

fn no_sums() -> Sums { return Sums(); }

fn add_turned(left: Left, right: Held, sums: Sums) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

fn add_product(left: Left, right: Held, sums: Sums) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

/** 16 rows of 16 f32. */
fn put_sums(offset: u32, stride: u32, sums: Sums) {
  subgroupMatrixStore<row_major>(&pool, offset, sums, stride);
}

/** The largest of what the LANES invocations of a row give; they are SPAN apart in a team. */
fn row_maximum(own: f32, lane: u32) -> f32 {
  var most = own;
  for (var reach = SPAN; reach < 32u; reach *= 2u) { most = max(most, subgroupShuffleXor(most, reach)); }
  return most;
}

fn row_total(own: f32, lane: u32) -> f32 {
  var total = own;
  for (var reach = SPAN; reach < 32u; reach *= 2u) { total += subgroupShuffleXor(total, reach); }
  return total;
}
