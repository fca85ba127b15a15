// What matrix_attend_keys.wgsl asks of matrix_tiles_units.wgsl beside what all do.

/** Columns 16 n .. of the queries. */
fn query_tile(n: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&queries, 2u * n, QUERY_STRIDE); }

/** Weights of the tile's keys 16 t .. . */
fn weight_tile(t: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&weights, 2u * t, WEIGHT_STRIDE); }

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
