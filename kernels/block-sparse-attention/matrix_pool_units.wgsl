// Right operands out of `pool`.

/** A right operand that lies transposed. */
alias Turned = Right;

/** The transpose of 16 rows of 16 halves: a tile of K^T. */
fn turned_tile(offset: u32, stride: u32) -> Turned {
  return subgroupMatrixLoad<Turned, col_major>(&pool, offset, stride);
}

/** 16 rows of 16 halves, as they are: a tile of V. */
fn right_tile(offset: u32, stride: u32) -> Right {
  return subgroupMatrixLoad<Right, row_major>(&pool, offset, stride);
}
