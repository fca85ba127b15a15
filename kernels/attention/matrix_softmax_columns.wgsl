// The loops of matrix_softmax.wgsl over the 16-column tiles of d, written out: arrays of register tiles must only ever
// be indexed by constants, and drivers do not promise to unroll a loop of eight. Tiles of part 0 are elements 0 .. 7,
// those of part 1 are 8 .. 15; what d or PARTS does not need is never used and takes no registers.

alias Queries = array<Left, 16>;
alias Outputs = array<Sums, 16>;
/// Logits of 32 keys: two tiles of part 0, two of part 1.
alias Products = array<Sums, 4>;

fn load_queries(query: ptr<function, Queries>, head: u32, first_row: u32, last_row: u32, own: u32, half: u32) {
  stage_queries(0u, head, first_row, last_row, own, half);
  (*query)[0] = weight_tile(staged_at(0u, own, 0u));
  if (PARTS > 1u) { (*query)[8] = weight_tile(staged_at(0u, own, 1u)); }
  if (COLUMNS > 1u) {
    stage_queries(1u, head, first_row, last_row, own, half);
    (*query)[1] = weight_tile(staged_at(1u, own, 0u));
    if (PARTS > 1u) { (*query)[9] = weight_tile(staged_at(1u, own, 1u)); }
  }
  if (COLUMNS > 2u) {
    stage_queries(2u, head, first_row, last_row, own, half);
    (*query)[2] = weight_tile(staged_at(2u, own, 0u));
    if (PARTS > 1u) { (*query)[10] = weight_tile(staged_at(2u, own, 1u)); }
  }
  if (COLUMNS > 3u) {
    stage_queries(3u, head, first_row, last_row, own, half);
    (*query)[3] = weight_tile(staged_at(3u, own, 0u));
    if (PARTS > 1u) { (*query)[11] = weight_tile(staged_at(3u, own, 1u)); }
  }
  if (COLUMNS > 4u) {
    stage_queries(4u, head, first_row, last_row, own, half);
    (*query)[4] = weight_tile(staged_at(4u, own, 0u));
    if (PARTS > 1u) { (*query)[12] = weight_tile(staged_at(4u, own, 1u)); }
  }
  if (COLUMNS > 5u) {
    stage_queries(5u, head, first_row, last_row, own, half);
    (*query)[5] = weight_tile(staged_at(5u, own, 0u));
    if (PARTS > 1u) { (*query)[13] = weight_tile(staged_at(5u, own, 1u)); }
  }
  if (COLUMNS > 6u) {
    stage_queries(6u, head, first_row, last_row, own, half);
    (*query)[6] = weight_tile(staged_at(6u, own, 0u));
    if (PARTS > 1u) { (*query)[14] = weight_tile(staged_at(6u, own, 1u)); }
  }
  if (COLUMNS > 7u) {
    stage_queries(7u, head, first_row, last_row, own, half);
    (*query)[7] = weight_tile(staged_at(7u, own, 0u));
    if (PARTS > 1u) { (*query)[15] = weight_tile(staged_at(7u, own, 1u)); }
  }
}

/// Adds the products of 16 columns of queries and of 32 keys: four sums side by side hide each other's latency.
fn add_keys(products: ptr<function, Products>, one: Left, other: Left, at: u32) {
  let near = key_tile(at);
  let far = key_tile(at + 16u * STRIDE);
  (*products)[0] = add_product(one, near, (*products)[0]);
  (*products)[1] = add_product(one, far, (*products)[1]);
  if (PARTS > 1u) {
    (*products)[2] = add_product(other, near, (*products)[2]);
    (*products)[3] = add_product(other, far, (*products)[3]);
  }
}

/// queries x the 32 keys that lie from vector `at` of `tile` on.
fn multiply_keys(products: ptr<function, Products>, query: ptr<function, Queries>, at: u32) {
  add_keys(products, (*query)[0], (*query)[8], at + 0u);
  if (COLUMNS > 1u) { add_keys(products, (*query)[1], (*query)[9], at + 2u); }
  if (COLUMNS > 2u) { add_keys(products, (*query)[2], (*query)[10], at + 4u); }
  if (COLUMNS > 3u) { add_keys(products, (*query)[3], (*query)[11], at + 6u); }
  if (COLUMNS > 4u) { add_keys(products, (*query)[4], (*query)[12], at + 8u); }
  if (COLUMNS > 5u) { add_keys(products, (*query)[5], (*query)[13], at + 10u); }
  if (COLUMNS > 6u) { add_keys(products, (*query)[6], (*query)[14], at + 12u); }
  if (COLUMNS > 7u) { add_keys(products, (*query)[7], (*query)[15], at + 14u); }
}

/// Adds weights x the 16 values that lie from vector `at` of `tile` on.
fn multiply_values(o: ptr<function, Outputs>, one: Left, other: Left, at: u32) {
  if (COLUMNS > 0u) {
    let values = value_tile(at + 0u);
    (*o)[0] = add_product(one, values, (*o)[0]);
    if (PARTS > 1u) { (*o)[8] = add_product(other, values, (*o)[8]); }
  }
  if (COLUMNS > 1u) {
    let values = value_tile(at + 2u);
    (*o)[1] = add_product(one, values, (*o)[1]);
    if (PARTS > 1u) { (*o)[9] = add_product(other, values, (*o)[9]); }
  }
  if (COLUMNS > 2u) {
    let values = value_tile(at + 4u);
    (*o)[2] = add_product(one, values, (*o)[2]);
    if (PARTS > 1u) { (*o)[10] = add_product(other, values, (*o)[10]); }
  }
  if (COLUMNS > 3u) {
    let values = value_tile(at + 6u);
    (*o)[3] = add_product(one, values, (*o)[3]);
    if (PARTS > 1u) { (*o)[11] = add_product(other, values, (*o)[11]); }
  }
  if (COLUMNS > 4u) {
    let values = value_tile(at + 8u);
    (*o)[4] = add_product(one, values, (*o)[4]);
    if (PARTS > 1u) { (*o)[12] = add_product(other, values, (*o)[12]); }
  }
  if (COLUMNS > 5u) {
    let values = value_tile(at + 10u);
    (*o)[5] = add_product(one, values, (*o)[5]);
    if (PARTS > 1u) { (*o)[13] = add_product(other, values, (*o)[13]); }
  }
  if (COLUMNS > 6u) {
    let values = value_tile(at + 12u);
    (*o)[6] = add_product(one, values, (*o)[6]);
    if (PARTS > 1u) { (*o)[14] = add_product(other, values, (*o)[14]); }
  }
  if (COLUMNS > 7u) {
    let values = value_tile(at + 14u);
    (*o)[7] = add_product(one, values, (*o)[7]);
    if (PARTS > 1u) { (*o)[15] = add_product(other, values, (*o)[15]); }
  }
}

/// Multiplies every row of the outputs by its decay.
fn decay_outputs(o: ptr<function, Outputs>, own: u32, half: u32) {
  if (COLUMNS > 0u) {
    put_sums(side_at(0u, own, 0u), (*o)[0]);
    if (PARTS > 1u) { put_sums(side_at(0u, own, 1u), (*o)[8]); }
    decay_rows(0u, own, half);
    (*o)[0] = get_sums(side_at(0u, own, 0u));
    if (PARTS > 1u) { (*o)[8] = get_sums(side_at(0u, own, 1u)); }
  }
  if (COLUMNS > 1u) {
    put_sums(side_at(1u, own, 0u), (*o)[1]);
    if (PARTS > 1u) { put_sums(side_at(1u, own, 1u), (*o)[9]); }
    decay_rows(1u, own, half);
    (*o)[1] = get_sums(side_at(1u, own, 0u));
    if (PARTS > 1u) { (*o)[9] = get_sums(side_at(1u, own, 1u)); }
  }
  if (COLUMNS > 2u) {
    put_sums(side_at(2u, own, 0u), (*o)[2]);
    if (PARTS > 1u) { put_sums(side_at(2u, own, 1u), (*o)[10]); }
    decay_rows(2u, own, half);
    (*o)[2] = get_sums(side_at(2u, own, 0u));
    if (PARTS > 1u) { (*o)[10] = get_sums(side_at(2u, own, 1u)); }
  }
  if (COLUMNS > 3u) {
    put_sums(side_at(3u, own, 0u), (*o)[3]);
    if (PARTS > 1u) { put_sums(side_at(3u, own, 1u), (*o)[11]); }
    decay_rows(3u, own, half);
    (*o)[3] = get_sums(side_at(3u, own, 0u));
    if (PARTS > 1u) { (*o)[11] = get_sums(side_at(3u, own, 1u)); }
  }
  if (COLUMNS > 4u) {
    put_sums(side_at(4u, own, 0u), (*o)[4]);
    if (PARTS > 1u) { put_sums(side_at(4u, own, 1u), (*o)[12]); }
    decay_rows(4u, own, half);
    (*o)[4] = get_sums(side_at(4u, own, 0u));
    if (PARTS > 1u) { (*o)[12] = get_sums(side_at(4u, own, 1u)); }
  }
  if (COLUMNS > 5u) {
    put_sums(side_at(5u, own, 0u), (*o)[5]);
    if (PARTS > 1u) { put_sums(side_at(5u, own, 1u), (*o)[13]); }
    decay_rows(5u, own, half);
    (*o)[5] = get_sums(side_at(5u, own, 0u));
    if (PARTS > 1u) { (*o)[13] = get_sums(side_at(5u, own, 1u)); }
  }
  if (COLUMNS > 6u) {
    put_sums(side_at(6u, own, 0u), (*o)[6]);
    if (PARTS > 1u) { put_sums(side_at(6u, own, 1u), (*o)[14]); }
    decay_rows(6u, own, half);
    (*o)[6] = get_sums(side_at(6u, own, 0u));
    if (PARTS > 1u) { (*o)[14] = get_sums(side_at(6u, own, 1u)); }
  }
  if (COLUMNS > 7u) {
    put_sums(side_at(7u, own, 0u), (*o)[7]);
    if (PARTS > 1u) { put_sums(side_at(7u, own, 1u), (*o)[15]); }
    decay_rows(7u, own, half);
    (*o)[7] = get_sums(side_at(7u, own, 0u));
    if (PARTS > 1u) { (*o)[15] = get_sums(side_at(7u, own, 1u)); }
  }
  workgroupBarrier();
}

/// Writes the outputs, every row times its `decay`.
fn write_outputs(o: ptr<function, Outputs>, head: u32, first_row: u32, last_row: u32, own: u32, half: u32) {
  if (COLUMNS > 0u) {
    put_sums(side_at(0u, own, 0u), (*o)[0]);
    if (PARTS > 1u) { put_sums(side_at(0u, own, 1u), (*o)[8]); }
    write_rows(0u, head, first_row, last_row, own, half);
  }
  if (COLUMNS > 1u) {
    put_sums(side_at(1u, own, 0u), (*o)[1]);
    if (PARTS > 1u) { put_sums(side_at(1u, own, 1u), (*o)[9]); }
    write_rows(1u, head, first_row, last_row, own, half);
  }
  if (COLUMNS > 2u) {
    put_sums(side_at(2u, own, 0u), (*o)[2]);
    if (PARTS > 1u) { put_sums(side_at(2u, own, 1u), (*o)[10]); }
    write_rows(2u, head, first_row, last_row, own, half);
  }
  if (COLUMNS > 3u) {
    put_sums(side_at(3u, own, 0u), (*o)[3]);
    if (PARTS > 1u) { put_sums(side_at(3u, own, 1u), (*o)[11]); }
    write_rows(3u, head, first_row, last_row, own, half);
  }
  if (COLUMNS > 4u) {
    put_sums(side_at(4u, own, 0u), (*o)[4]);
    if (PARTS > 1u) { put_sums(side_at(4u, own, 1u), (*o)[12]); }
    write_rows(4u, head, first_row, last_row, own, half);
  }
  if (COLUMNS > 5u) {
    put_sums(side_at(5u, own, 0u), (*o)[5]);
    if (PARTS > 1u) { put_sums(side_at(5u, own, 1u), (*o)[13]); }
    write_rows(5u, head, first_row, last_row, own, half);
  }
  if (COLUMNS > 6u) {
    put_sums(side_at(6u, own, 0u), (*o)[6]);
    if (PARTS > 1u) { put_sums(side_at(6u, own, 1u), (*o)[14]); }
    write_rows(6u, head, first_row, last_row, own, half);
  }
  if (COLUMNS > 7u) {
    put_sums(side_at(7u, own, 0u), (*o)[7]);
    if (PARTS > 1u) { put_sums(side_at(7u, own, 1u), (*o)[15]); }
    write_rows(7u, head, first_row, last_row, own, half);
  }
}
