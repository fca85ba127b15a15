// Right operands that stay in registers.

alias Held = Right;

/** The transpose of 16 rows of 16 halves, OPERAND words apart: a tile of K^T. */
fn held_turned(offset: u32) -> Held { return subgroupMatrixLoad<Held, col_major>(&pool, offset, OPERAND); }

/** 16 rows of 16 halves as they are, OPERAND words apart: a tile of V. */
fn held(offset: u32) -> Held { return subgroupMatrixLoad<Held, row_major>(&pool, offset, OPERAND); }

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
