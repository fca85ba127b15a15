// The loops of matrix_attend_keys.wgsl over what is in registers, written out: arrays of registers must only ever be indexed
// by constants, and drivers do not promise to unroll a loop of eight. What d or KEYS does not need takes no registers.

alias Queries = array<Left, 8>;
/** A subgroup's columns of o. */
alias Outputs = array<Sums, 4>;
/** Logits of a subgroup's 32 keys. */
alias Products = array<Sums, 2>;

/** What an invocation has of a tile of keys or values, between the cache and workgroup memory. */
alias Fetched = array<vec4<u32>, 8>;

/** A tile that begins with key `begin`; keys behind `last` repeat it. */
fn fetch(cache: ptr<storage, array<vec4<u32>>, read>, begin: u32, last: u32, lane: u32) -> Fetched {
  var fetched: Fetched;
  if (LOADS > 0u) { fetched[0] = (*cache)[cache_at(begin, last, lane + 0u * THREADS)]; }
  if (LOADS > 1u) { fetched[1] = (*cache)[cache_at(begin, last, lane + 1u * THREADS)]; }
  if (LOADS > 2u) { fetched[2] = (*cache)[cache_at(begin, last, lane + 2u * THREADS)]; }
  if (LOADS > 3u) { fetched[3] = (*cache)[cache_at(begin, last, lane + 3u * THREADS)]; }
  if (LOADS > 4u) { fetched[4] = (*cache)[cache_at(begin, last, lane + 4u * THREADS)]; }
  if (LOADS > 5u) { fetched[5] = (*cache)[cache_at(begin, last, lane + 5u * THREADS)]; }
  if (LOADS > 6u) { fetched[6] = (*cache)[cache_at(begin, last, lane + 6u * THREADS)]; }
  if (LOADS > 7u) { fetched[7] = (*cache)[cache_at(begin, last, lane + 7u * THREADS)]; }
  return fetched;
}

fn place(at: u32, fetched: Fetched, lane: u32) {
  if (LOADS > 0u && in_tile(lane + 0u * THREADS)) { tile[at + tile_at(lane + 0u * THREADS)] = fetched[0]; }
  if (LOADS > 1u && in_tile(lane + 1u * THREADS)) { tile[at + tile_at(lane + 1u * THREADS)] = fetched[1]; }
  if (LOADS > 2u && in_tile(lane + 2u * THREADS)) { tile[at + tile_at(lane + 2u * THREADS)] = fetched[2]; }
  if (LOADS > 3u && in_tile(lane + 3u * THREADS)) { tile[at + tile_at(lane + 3u * THREADS)] = fetched[3]; }
  if (LOADS > 4u && in_tile(lane + 4u * THREADS)) { tile[at + tile_at(lane + 4u * THREADS)] = fetched[4]; }
  if (LOADS > 5u && in_tile(lane + 5u * THREADS)) { tile[at + tile_at(lane + 5u * THREADS)] = fetched[5]; }
  if (LOADS > 6u && in_tile(lane + 6u * THREADS)) { tile[at + tile_at(lane + 6u * THREADS)] = fetched[6]; }
  if (LOADS > 7u && in_tile(lane + 7u * THREADS)) { tile[at + tile_at(lane + 7u * THREADS)] = fetched[7]; }
}

/** Queries into registers, where they are to stay there; a barrier stands between `stage_queries` and this. */
fn hold_queries(query: ptr<function, Queries>) {
  if (!HELD) { return; }
  if (COLUMNS > 0u) { (*query)[0] = query_tile(0u); }
  if (COLUMNS > 1u) { (*query)[1] = query_tile(1u); }
  if (COLUMNS > 2u) { (*query)[2] = query_tile(2u); }
  if (COLUMNS > 3u) { (*query)[3] = query_tile(3u); }
  if (COLUMNS > 4u) { (*query)[4] = query_tile(4u); }
  if (COLUMNS > 5u) { (*query)[5] = query_tile(5u); }
  if (COLUMNS > 6u) { (*query)[6] = query_tile(6u); }
  if (COLUMNS > 7u) { (*query)[7] = query_tile(7u); }
}

fn add_keys(products: ptr<function, Products>, query: Left, at: u32) {
  (*products)[0] = add_product(query, key_tile(at), (*products)[0]);
  if (KEY_SHARE > 1u) { (*products)[1] = add_product(query, key_tile(at + 16u * STRIDE), (*products)[1]); }
}

/** Adds queries x the subgroup's keys, which lie from vector `at` of `tile` on. */
fn multiply_keys(products: ptr<function, Products>, query: ptr<function, Queries>, at: u32) {
  if (COLUMNS > 0u) {
    if (!HELD) { (*query)[0] = query_tile(0u); }
    add_keys(products, (*query)[0], at + 0u);
  }
  if (COLUMNS > 1u) {
    if (!HELD) { (*query)[1] = query_tile(1u); }
    add_keys(products, (*query)[1], at + 2u);
  }
  if (COLUMNS > 2u) {
    if (!HELD) { (*query)[2] = query_tile(2u); }
    add_keys(products, (*query)[2], at + 4u);
  }
  if (COLUMNS > 3u) {
    if (!HELD) { (*query)[3] = query_tile(3u); }
    add_keys(products, (*query)[3], at + 6u);
  }
  if (COLUMNS > 4u) {
    if (!HELD) { (*query)[4] = query_tile(4u); }
    add_keys(products, (*query)[4], at + 8u);
  }
  if (COLUMNS > 5u) {
    if (!HELD) { (*query)[5] = query_tile(5u); }
    add_keys(products, (*query)[5], at + 10u);
  }
  if (COLUMNS > 6u) {
    if (!HELD) { (*query)[6] = query_tile(6u); }
    add_keys(products, (*query)[6], at + 12u);
  }
  if (COLUMNS > 7u) {
    if (!HELD) { (*query)[7] = query_tile(7u); }
    add_keys(products, (*query)[7], at + 14u);
  }
}

fn has_column(column: u32) -> bool { return EVEN_COLUMNS || column < COLUMNS; }

/** Adds weights x values, for the subgroup's columns from tile `column` on. */
fn multiply_values(o: ptr<function, Outputs>, column: u32) {
  for (var t = 0u; t < KEY_TILES; t++) {
    let weight = weight_tile(t);
    let at = VALUES_AT + 16u * t * STRIDE + 2u * column;
    if (has_column(column)) { (*o)[0] = add_product(weight, value_tile(at), (*o)[0]); }
    if (COLUMN_SHARE > 1u && has_column(column + 1u)) { (*o)[1] = add_product(weight, value_tile(at + 2u), (*o)[1]); }
    if (COLUMN_SHARE > 2u && has_column(column + 2u)) { (*o)[2] = add_product(weight, value_tile(at + 4u), (*o)[2]); }
    if (COLUMN_SHARE > 3u && has_column(column + 3u)) { (*o)[3] = add_product(weight, value_tile(at + 6u), (*o)[3]); }
  }
}

/** Multiplies every row of the outputs by its decay. */
fn decay_outputs(o: ptr<function, Outputs>, lane: u32) {
  let at = lane / 32u * 4u;
  if (COLUMN_SHARE > 0u) {
    put_sums(at, (*o)[0]);
    decay_rows(lane);
    (*o)[0] = get_sums(at);
    workgroupBarrier();
  }
  if (COLUMN_SHARE > 1u) {
    put_sums(at, (*o)[1]);
    decay_rows(lane);
    (*o)[1] = get_sums(at);
    workgroupBarrier();
  }
  if (COLUMN_SHARE > 2u) {
    put_sums(at, (*o)[2]);
    decay_rows(lane);
    (*o)[2] = get_sums(at);
    workgroupBarrier();
  }
  if (COLUMN_SHARE > 3u) {
    put_sums(at, (*o)[3]);
    decay_rows(lane);
    (*o)[3] = get_sums(at);
    workgroupBarrier();
  }
}

fn write_outputs(o: ptr<function, Outputs>, into: u32, heads: u32, lane: u32) {
  let at = lane / 32u * 4u;
  if (COLUMN_SHARE > 0u) {
    put_sums(at, (*o)[0]);
    write_rows(0u, into, heads, lane);
  }
  if (COLUMN_SHARE > 1u) {
    put_sums(at, (*o)[1]);
    write_rows(1u, into, heads, lane);
  }
  if (COLUMN_SHARE > 2u) {
    put_sums(at, (*o)[2]);
    write_rows(2u, into, heads, lane);
  }
  if (COLUMN_SHARE > 3u) {
    put_sums(at, (*o)[3]);
    write_rows(3u, into, heads, lane);
  }
}
