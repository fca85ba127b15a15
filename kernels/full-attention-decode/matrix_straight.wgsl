// Keys and values as operands straight from the cache, without workgroup memory between: all loads of a tile's values and of
// the next tile's keys are under way while this tile's logits are weighed. A last tile that is not whole is staged, since
// what lies behind the last key may be anything. The rest is as in matrix_attend_keys.wgsl.
//
// KEYS is 16 SUBGROUPS, and a subgroup has at most eight tiles of keys and of values.

alias StraightKeys = array<Straight, 8>;
alias StraightValues = array<Straight, 8>;

/** The subgroup's 16 keys, from vector `at` of the cache on. */
fn load_straight_keys(keys: ptr<function, StraightKeys>, at: u32) {
  if (COLUMNS > 0u) { (*keys)[0] = straight_key_tile(at + 0u); }
  if (COLUMNS > 1u) { (*keys)[1] = straight_key_tile(at + 2u); }
  if (COLUMNS > 2u) { (*keys)[2] = straight_key_tile(at + 4u); }
  if (COLUMNS > 3u) { (*keys)[3] = straight_key_tile(at + 6u); }
  if (COLUMNS > 4u) { (*keys)[4] = straight_key_tile(at + 8u); }
  if (COLUMNS > 5u) { (*keys)[5] = straight_key_tile(at + 10u); }
  if (COLUMNS > 6u) { (*keys)[6] = straight_key_tile(at + 12u); }
  if (COLUMNS > 7u) { (*keys)[7] = straight_key_tile(at + 14u); }
}

/** The subgroup's columns, from vector `at` of the tile's first value on; `column` is their first. */
fn load_straight_values(values: ptr<function, StraightValues>, at: u32, column: u32) {
  if (KEY_TILES * COLUMN_SHARE > 0u && has_column(column + 0u % COLUMN_SHARE)) {
    (*values)[0] = straight_value_tile(at + 16u * (0u / COLUMN_SHARE) * OCTETS + 2u * (0u % COLUMN_SHARE));
  }
  if (KEY_TILES * COLUMN_SHARE > 1u && has_column(column + 1u % COLUMN_SHARE)) {
    (*values)[1] = straight_value_tile(at + 16u * (1u / COLUMN_SHARE) * OCTETS + 2u * (1u % COLUMN_SHARE));
  }
  if (KEY_TILES * COLUMN_SHARE > 2u && has_column(column + 2u % COLUMN_SHARE)) {
    (*values)[2] = straight_value_tile(at + 16u * (2u / COLUMN_SHARE) * OCTETS + 2u * (2u % COLUMN_SHARE));
  }
  if (KEY_TILES * COLUMN_SHARE > 3u && has_column(column + 3u % COLUMN_SHARE)) {
    (*values)[3] = straight_value_tile(at + 16u * (3u / COLUMN_SHARE) * OCTETS + 2u * (3u % COLUMN_SHARE));
  }
  if (KEY_TILES * COLUMN_SHARE > 4u && has_column(column + 4u % COLUMN_SHARE)) {
    (*values)[4] = straight_value_tile(at + 16u * (4u / COLUMN_SHARE) * OCTETS + 2u * (4u % COLUMN_SHARE));
  }
  if (KEY_TILES * COLUMN_SHARE > 5u && has_column(column + 5u % COLUMN_SHARE)) {
    (*values)[5] = straight_value_tile(at + 16u * (5u / COLUMN_SHARE) * OCTETS + 2u * (5u % COLUMN_SHARE));
  }
  if (KEY_TILES * COLUMN_SHARE > 6u && has_column(column + 6u % COLUMN_SHARE)) {
    (*values)[6] = straight_value_tile(at + 16u * (6u / COLUMN_SHARE) * OCTETS + 2u * (6u % COLUMN_SHARE));
  }
  if (KEY_TILES * COLUMN_SHARE > 7u && has_column(column + 7u % COLUMN_SHARE)) {
    (*values)[7] = straight_value_tile(at + 16u * (7u / COLUMN_SHARE) * OCTETS + 2u * (7u % COLUMN_SHARE));
  }
}

fn multiply_straight_keys(query: ptr<function, Queries>, keys: ptr<function, StraightKeys>) -> Sums {
  var products = Sums();
  if (COLUMNS > 0u) {
    if (!HELD) { (*query)[0] = query_tile(0u); }
    products = add_straight_keys((*query)[0], (*keys)[0], products);
  }
  if (COLUMNS > 1u) {
    if (!HELD) { (*query)[1] = query_tile(1u); }
    products = add_straight_keys((*query)[1], (*keys)[1], products);
  }
  if (COLUMNS > 2u) {
    if (!HELD) { (*query)[2] = query_tile(2u); }
    products = add_straight_keys((*query)[2], (*keys)[2], products);
  }
  if (COLUMNS > 3u) {
    if (!HELD) { (*query)[3] = query_tile(3u); }
    products = add_straight_keys((*query)[3], (*keys)[3], products);
  }
  if (COLUMNS > 4u) {
    if (!HELD) { (*query)[4] = query_tile(4u); }
    products = add_straight_keys((*query)[4], (*keys)[4], products);
  }
  if (COLUMNS > 5u) {
    if (!HELD) { (*query)[5] = query_tile(5u); }
    products = add_straight_keys((*query)[5], (*keys)[5], products);
  }
  if (COLUMNS > 6u) {
    if (!HELD) { (*query)[6] = query_tile(6u); }
    products = add_straight_keys((*query)[6], (*keys)[6], products);
  }
  if (COLUMNS > 7u) {
    if (!HELD) { (*query)[7] = query_tile(7u); }
    products = add_straight_keys((*query)[7], (*keys)[7], products);
  }
  return products;
}

fn multiply_straight_values(o: ptr<function, Outputs>, values: ptr<function, StraightValues>, column: u32) {
  if (KEY_TILES * COLUMN_SHARE > 0u && has_column(column + 0u % COLUMN_SHARE)) {
    let weight = weight_tile(0u / COLUMN_SHARE);
    (*o)[0u % COLUMN_SHARE] = add_straight_values(weight, (*values)[0], (*o)[0u % COLUMN_SHARE]);
  }
  if (KEY_TILES * COLUMN_SHARE > 1u && has_column(column + 1u % COLUMN_SHARE)) {
    let weight = weight_tile(1u / COLUMN_SHARE);
    (*o)[1u % COLUMN_SHARE] = add_straight_values(weight, (*values)[1], (*o)[1u % COLUMN_SHARE]);
  }
  if (KEY_TILES * COLUMN_SHARE > 2u && has_column(column + 2u % COLUMN_SHARE)) {
    let weight = weight_tile(2u / COLUMN_SHARE);
    (*o)[2u % COLUMN_SHARE] = add_straight_values(weight, (*values)[2], (*o)[2u % COLUMN_SHARE]);
  }
  if (KEY_TILES * COLUMN_SHARE > 3u && has_column(column + 3u % COLUMN_SHARE)) {
    let weight = weight_tile(3u / COLUMN_SHARE);
    (*o)[3u % COLUMN_SHARE] = add_straight_values(weight, (*values)[3], (*o)[3u % COLUMN_SHARE]);
  }
  if (KEY_TILES * COLUMN_SHARE > 4u && has_column(column + 4u % COLUMN_SHARE)) {
    let weight = weight_tile(4u / COLUMN_SHARE);
    (*o)[4u % COLUMN_SHARE] = add_straight_values(weight, (*values)[4], (*o)[4u % COLUMN_SHARE]);
  }
  if (KEY_TILES * COLUMN_SHARE > 5u && has_column(column + 5u % COLUMN_SHARE)) {
    let weight = weight_tile(5u / COLUMN_SHARE);
    (*o)[5u % COLUMN_SHARE] = add_straight_values(weight, (*values)[5], (*o)[5u % COLUMN_SHARE]);
  }
  if (KEY_TILES * COLUMN_SHARE > 6u && has_column(column + 6u % COLUMN_SHARE)) {
    let weight = weight_tile(6u / COLUMN_SHARE);
    (*o)[6u % COLUMN_SHARE] = add_straight_values(weight, (*values)[6], (*o)[6u % COLUMN_SHARE]);
  }
  if (KEY_TILES * COLUMN_SHARE > 7u && has_column(column + 7u % COLUMN_SHARE)) {
    let weight = weight_tile(7u / COLUMN_SHARE);
    (*o)[7u % COLUMN_SHARE] = add_straight_values(weight, (*values)[7], (*o)[7u % COLUMN_SHARE]);
  }
}

fn attend(
  o: ptr<function, Outputs>, head: u32, heads: u32, base: u32, begin: u32, end: u32, lane: u32,
) {
  let whole = begin + (end - begin) / KEYS * KEYS;
  let team = lane / 32u;
  let column = team * COLUMN_SHARE;
  var keys = StraightKeys();
  var values = StraightValues();
  if (begin < whole) { load_straight_keys(&keys, (base + begin + 16u * team) * OCTETS); }
  stage_queries(head, heads, lane);
  workgroupBarrier();
  var query = Queries();
  hold_queries(&query);
  for (var first = begin; first < whole; first += KEYS) {
    load_straight_values(&values, (base + first) * OCTETS + 2u * column, column);
    let products = multiply_straight_keys(&query, &keys);
    if (first + KEYS < whole) { load_straight_keys(&keys, (base + first + KEYS + 16u * team) * OCTETS); }
    put_sums(4u * team, products);
    workgroupBarrier();
    weigh_tile(o, first, end, first == begin, lane);
    multiply_straight_values(o, &values, column);
  }
  // Weights are still read by some, and so are logits.
  workgroupBarrier();
  if (whole < end) {
    let rest_keys = fetch_keys(base + whole, base + end - 1u, lane);
    let rest_values = fetch_values(base + whole, base + end - 1u, lane);
    attend_staged(o, &query, rest_keys, rest_values, base, whole, end, whole == begin, lane);
  }
}
