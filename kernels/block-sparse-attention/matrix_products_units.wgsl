// Products of 16x16 tiles on matrix units. Operands and results lie in `pool`, workgroup memory of 16-byte words: eight halves or
// four f32. Offsets and strides count words; a team is a subgroup of 32.

alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;

/** 16 rows of 16 halves. */
fn left_tile(offset: u32, stride: u32) -> Left {
  return subgroupMatrixLoad<Left, row_major>(&pool, offset, stride);
}

fn no_sums() -> Sums { return Sums(); }

fn add_turned(left: Left, right: Right, sums: Sums) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

fn add_product(left: Left, right: Right, sums: Sums) -> Sums {
  return subgroupMatrixMultiplyAccumulate(left, right, sums);
}

/** 16 rows of 16 f32. */
fn put_sums(offset: u32, stride: u32, sums: Sums) {
  subgroupMatrixStore<row_major>(&pool, offset, sums, stride);
}
