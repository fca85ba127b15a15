// One query position of up to 16 heads against runs of keys on matrix units: what the decode kernels of matrix units have
// in common. The heads of a KV head are the 16 rows of the left operands (rows beyond them are 0), so that K and V are read
// once for all of them and the arithmetic costs next to nothing. A workgroup leaves a partial result, as the kernels of
// attend_keys.wgsl do: a reference m near the largest logit, l = sum of 2^(logit - m), and o = sum of 2^(logit - m) v.
// Logits are in base 2.
//
//  1. the first tile of KEYS keys and its values are fetched into registers; queries, times log2(e) / sqrt(d), go to
//     workgroup memory as f16;
//  2. for every tile of KEYS keys:
//     a. what was fetched goes to workgroup memory (SHARED: only the keys);                                  barrier
//     b. the next tile's keys and values are fetched into registers: they arrive while this tile is worked on;
//     c. a subgroup multiplies the queries with its KEY_SHARE times 16 keys: logits, to workgroup memory;    barrier
//     d. LANES invocations share a row: they find its maximum (and those of each 16 keys, see
//        matrix_with_block_maxima.wgsl) and write weights exp2(logit - m) in f16 (SHARED: meanwhile the values take the
//        keys' place, and only then the next ones are fetched);                                              barrier
//     e. where some row was given a new m, all outputs pass through workgroup memory and decay;
//     f. a subgroup adds weights x values to its COLUMN_SHARE times 16 columns of o;                         barrier
//  3. o passes through workgroup memory and is written.
//
// A row keeps its m until a logit exceeds it by more than CEILING (weights stay below 2^15 in f16), then takes its new
// maximum less LIFT. The first tile always gives one, and nearly never a later one.
//
// The file that includes this defines: query_at, fetch_keys, fetch_values, and the bindings `partial` (o) and `sums`
// (m, l). d is a multiple of 16, at most 128.
//
// Operands of matrix units lie in arrays of vec4<u32>: units read from multiples of 16 bytes. `var x: T;` in a loop is
// not set to zero again by every compiler: such variables are set there explicitly.

/** Stands for minus infinity: differences with it stay numbers. */
const LOWEST = -1e30;
const CEILING = 15.0;
const LIFT = 6.0;
const THREADS = SUBGROUPS * 32u;
/** 16 x 16 tiles across d and across a tile's keys, and what a subgroup has of them. */
const COLUMNS = HEAD_DIM / 16u;
const KEY_TILES = KEYS / 16u;
const COLUMN_SHARE = (COLUMNS + SUBGROUPS - 1u) / SUBGROUPS;
const KEY_SHARE = (KEY_TILES + SUBGROUPS - 1u) / SUBGROUPS;
const EVEN_COLUMNS = COLUMN_SHARE * SUBGROUPS == COLUMNS;
/** Invocations that share a row, and vectors of four logits that each of them has. */
const LANES = THREADS / 16u;
const QUADS = KEYS / 4u / LANES;
const DIM_QUADS = HEAD_DIM / 4u;
/** Vectors of eight halves of a key, and as they lie in `tile`: one more, against conflicts of banks. */
const OCTETS = HEAD_DIM / 8u;
const STRIDE = OCTETS + 1u;
const VALUES_AT = select(KEYS * STRIDE, 0u, SHARED);
const TILE = KEYS * OCTETS;
/** Vectors of a tile of keys, or of values, that an invocation fetches: at most eight. */
const LOADS = (TILE + THREADS - 1u) / THREADS;
/** Rows of logits, where outputs pass through, too, 16 columns of each subgroup at a time; of queries; of weights. */
const LOGIT_STRIDE = max(KEYS, 16u * SUBGROUPS) / 4u + 2u;
const QUERY_STRIDE = HEAD_DIM / 8u + 1u;
const WEIGHT_STRIDE = KEYS / 8u + 1u;

/** Keys, then values; SHARED: the values take the keys' place. */
var<workgroup> tile: array<vec4<u32>, VALUES_AT + KEYS * STRIDE>;
var<workgroup> logits: array<vec4<f32>, 16u * LOGIT_STRIDE>;
/** In vectors of eight halves, as the units read them: arrays of smaller ones may begin where those cannot. */
var<workgroup> queries: array<vec4<u32>, 16u * QUERY_STRIDE>;
var<workgroup> weights: array<vec4<u32>, 16u * WEIGHT_STRIDE>;
/** Not 0 where a row was given a new m. */
var<workgroup> raised: u32;

// Of the row lane / LANES; the invocations of a row agree on all but their share of l.
var<private> reference: f32;
var<private> decay: f32;
var<private> weight_sum: f32;

/** Where vector e of a tile that begins with key `begin` lies in the cache; keys behind `last` repeat it. */
fn cache_at(begin: u32, last: u32, e: u32) -> u32 { return min(begin + e / OCTETS, last) * OCTETS + e % OCTETS; }

/** Where vector e of a tile lies in `tile`. */
fn tile_at(e: u32) -> u32 { return e / OCTETS * STRIDE + e % OCTETS; }
fn in_tile(e: u32) -> bool { return TILE % THREADS == 0u || e < TILE; }

/** `head`: the first of this workgroup's; `heads`: how many of the 16 are real. A barrier must follow. */
fn stage_queries(head: u32, heads: u32, lane: u32) {
  let row = lane / LANES;
  for (var quad = lane % LANES; quad < DIM_QUADS; quad += LANES) {
    var query = vec4<f32>();
    if (row < heads) { query = query_at(head + row, quad) * LOGIT_SCALE; }
    let four = narrow(query);
    queries[row * QUERY_STRIDE + quad / 2u][quad % 2u * 2u] = four.x;
    queries[row * QUERY_STRIDE + quad / 2u][quad % 2u * 2u + 1u] = four.y;
  }
  if (lane == 0u) { raised = 0u; }
  reference = LOWEST;
  decay = 1.0;
  weight_sum = 0.0;
  begin_subgroup(lane);
}

/** Step d, for keys first .. end - 1 of the tile at `first`; no key from `end` on counts. */
fn weigh(first: u32, end: u32, lane: u32) {
  let row = lane / LANES;
  let part = lane % LANES;
  let at = row * LOGIT_STRIDE;
  let visible = min(end - first, KEYS);
  var s: array<vec4<f32>, QUADS>;
  var top = LOWEST;
  for (var j = 0u; j < QUADS; j++) {
    let quad = j * LANES + part;
    s[j] = logits[at + quad];
    if (visible < KEYS) {
      s[j] = select(vec4<f32>(LOWEST), s[j], vec4<u32>(4u * quad) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(visible));
    }
    let sixteen = quad / 4u;
    let two = max(s[j].xy, s[j].zw);
    let seen = clamp(visible, 16u * sixteen, 16u * sixteen + 16u) - 16u * sixteen;
    let highest = largest_of_sixteen(max(two.x, two.y), at + 4u * sixteen, seen);
    keep_sixteen(row, part, sixteen, highest);
    top = max(top, highest);
  }
  top = largest_of_row(top, at, visible);
  decay = 1.0;
  if (top > reference + CEILING) {
    decay = exp2(reference - (top - LIFT));
    reference = top - LIFT;
    weight_sum *= decay;
    raised = 1u;
  }
  var sum = vec4<f32>();
  for (var j = 0u; j < QUADS; j++) {
    let weight = exp2(s[j] - reference);
    sum += weight;
    let four = narrow(weight);
    let quad = j * LANES + part;
    weights[row * WEIGHT_STRIDE + quad / 2u][quad % 2u * 2u] = four.x;
    weights[row * WEIGHT_STRIDE + quad / 2u][quad % 2u * 2u + 1u] = four.y;
  }
  weight_sum += (sum.x + sum.y) + (sum.z + sum.w);
}

/** Steps d and e; a barrier stands before it. `fresh`: the outputs are still 0. */
fn weigh_tile(o: ptr<function, Outputs>, first: u32, end: u32, fresh: bool, lane: u32) {
  weigh(first, end, lane);
  // Also the barrier between weights and their use.
  let changed = workgroupUniformLoad(&raised);
  keys_seen(first, end, lane);
  if (changed != 0u) {
    if (lane == 0u) { raised = 0u; }
    if (!fresh) { decay_outputs(o, lane); }
  }
}

/** Step 2 for keys `begin` .. `end` - 1, at least one, rows of the cache from `base` on; the first tile is fetched. */
fn attend_staged(
  o: ptr<function, Outputs>, query: ptr<function, Queries>, first_keys: Fetched, first_values: Fetched,
  base: u32, begin: u32, end: u32, fresh: bool, lane: u32,
) {
  let last = base + end - 1u;
  let team = lane / 32u;
  var keys = first_keys;
  var values = first_values;
  for (var first = begin; first < end; first += KEYS) {
    place(0u, keys, lane);
    if (!SHARED) { place(VALUES_AT, values, lane); }
    workgroupBarrier();
    let more = first + KEYS < end;
    if (more) { keys = fetch_keys(base + first + KEYS, last, lane); }
    if (more && !SHARED) { values = fetch_values(base + first + KEYS, last, lane); }
    if (team * KEY_SHARE < KEY_TILES) {
      var products = Products();
      multiply_keys(&products, query, team * KEY_SHARE * 16u * STRIDE);
      put_sums(team * KEY_SHARE * 4u, products[0]);
      if (KEY_SHARE > 1u) { put_sums(team * KEY_SHARE * 4u + 4u, products[1]); }
    }
    workgroupBarrier();
    if (SHARED) { place(VALUES_AT, values, lane); }
    if (more && SHARED) { values = fetch_values(base + first + KEYS, last, lane); }
    weigh_tile(o, first, end, fresh && first == begin, lane);
    multiply_values(o, team * COLUMN_SHARE);
    workgroupBarrier();
  }
}

/** Decays column tile n of each subgroup's share, which put_sums has left in `logits`. */
fn decay_rows(lane: u32) {
  workgroupBarrier();
  let at = lane / LANES * LOGIT_STRIDE + lane % LANES;
  logits[at] *= decay;
  logits[at + LANES] *= decay;
  workgroupBarrier();
}

/** Writes column tile n of each subgroup's share, which put_sums has left in `logits`. */
fn write_rows(n: u32, into: u32, heads: u32, lane: u32) {
  workgroupBarrier();
  let row = lane / LANES;
  for (var quad = lane % LANES; quad < 4u * SUBGROUPS; quad += LANES) {
    let column = quad / 4u * COLUMN_SHARE + n;
    if (row < heads && column < COLUMNS) {
      partial[(into + row) * DIM_QUADS + column * 4u + quad % 4u] = logits[row * LOGIT_STRIDE + quad];
    }
  }
  workgroupBarrier();
}

/** Writes the partial result as row `into` of partial [.., d] and sums [..], one row per head. */
fn finish(o: ptr<function, Outputs>, into: u32, heads: u32, lane: u32) {
  workgroupBarrier();
  let row = lane / LANES;
  logits[row * LOGIT_STRIDE + lane % LANES] = vec4<f32>(weight_sum);
  workgroupBarrier();
  if (lane % LANES == 0u && row < heads) {
    var total = 0.0;
    for (var i = 0u; i < LANES; i++) { total += logits[row * LOGIT_STRIDE + i].x; }
    sums[into + row] = vec2<f32>(reference, total);
  }
  workgroupBarrier();
  write_outputs(o, into, heads, lane);
}
