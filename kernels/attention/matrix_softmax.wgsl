// Causal attention of C queries over keys 0 .. t (matrix_whole_cache.wgsl), or over a window of them
// (sliding-window/matrix_passing_keys.wgsl), on matrix units: one workgroup per ROWS rows of one KV head.
//
// A row is a (query, head of the group) pair; rows of a KV head are numbered c * G + g, so that a tile of keys and
// values serves the G heads of a group and any G fits. Row tiles run from the last (it sees most keys) to the first,
// those of one KV head next to each other, so that workgroups in flight read the same keys out of the cache. A
// subgroup owns PARTS times 16 rows, two invocations to a row; its queries (times log2(e) / sqrt(d), rounded to f16)
// and its f32 outputs stay in registers as 16 x 16 tiles.
//
//  1. the queries go through workgroup memory into registers, the first tile of keys into workgroup memory;
//  2. for every tile of KEYS keys, from the first one visible to the first row to the last one visible to the last row:
//     a. this tile's values and the next one's keys are fetched into registers (AHEAD: before b, else after it);
//     b. logits = queries x keys, to workgroup memory;                                                       barrier
//     c. what was fetched goes to workgroup memory; each invocation takes half of its row's logits: masks the invisible
//        (only in tiles that have any), finds the row's maximum (here block scores are born: matrix_block_maxima.wgsl),
//        and writes weights exp2(logit - reference) in f16; their f32 sum stays with the invocation;         barrier
//     d. where some row of the workgroup was given a new reference, all outputs pass through workgroup memory and
//        decay;
//     e. outputs += weights x values;
//  3. outputs pass through workgroup memory, are divided by their row's sum and written.
//
// The sums of a matrix unit cannot be touched one by one, so the reference is not the running maximum: a row keeps its
// reference until a logit exceeds it by more than CEILING (weights stay below 2^15 in f16), then takes its new maximum
// less LIFT. Nearly always that happens in the first tile only. Any reference gives the same quotient.
//
// The file that is included with this one declares q, k, v and out and gives fetch_keys, fetch_values, first_key, skipped_before
// and sink_weight. Where queries see the FIRST keys of the context beside a window, the keys between them and the window of
// the workgroup's first query are skipped, and positions are counted without them.
//
// q, out [C, Hq, d] f32; k, v [Hkv, T, d] halves. d and B are multiples of 16, d is at most 128.
//
// Operands of matrix units lie in arrays of vec4<u32>: units read from multiples of 16 bytes. `var x: T;` in a loop is
// not set to zero again by every compiler: such variables are set there explicitly.

const LOWEST = -3.0e38;
/// The reference of a row that has seen no key: so far above what stands for a masked logit that such keys weigh nothing.
const UNSET = -1.0e38;
const CEILING = 15.0;
const LIFT = 6.0;
const THREADS = SUBGROUPS * 32u;
const ROWS = SUBGROUPS * PARTS * 16u;
/// 16 x 16 tiles across d.
const COLUMNS = HEAD_DIM / 16u;
/// Vectors of eight halves of a key, and as they lie in `tile`: one more, against conflicts of banks.
const OCTETS = HEAD_DIM / 8u;
const STRIDE = OCTETS + 1u;
const VALUES_AT = KEYS * STRIDE;
const TILE = KEYS * OCTETS;
const LOADS = (TILE + THREADS - 1u) / THREADS;
/// Vectors of four logits or weights, of a row and as rows lie: two more, against conflicts of banks.
const QUADS = KEYS / 4u;
const LOGIT_STRIDE = QUADS + 2u;
/// Vectors of eight weights as rows lie. Matrix units read from multiples of 16 bytes, so the array must be of such vectors:
/// one of vec2<u32> or vec4<f16> may begin at an odd multiple of 8, and is then read 8 bytes too early.
const WEIGHT_STRIDE = KEYS / 8u + 1u;

/// Keys, then values.
var<workgroup> tile: array<vec4<u32>, 2u * KEYS * STRIDE>;
var<workgroup> logits: array<vec4<f32>, ROWS * LOGIT_STRIDE>;
var<workgroup> weights: array<vec4<u32>, ROWS * WEIGHT_STRIDE>;
/// Not 0 where a row of the workgroup was given a new reference.
var<workgroup> raised: u32;

/// Positions between the FIRST and the window of the workgroup's first query.
var<private> skipped: u32;
// Of the invocation's row of each part; the two invocations of a row agree, but each sums its own weights.
var<private> reference: array<f32, PARTS>;
var<private> decay: array<f32, PARTS>;
var<private> weight_sum: array<f32, PARTS>;

alias Fetched = array<vec4<u32>, LOADS>;

/// Row of q and out, for row `row` of a KV head.
fn query_row(row: u32, head: u32) -> u32 {
  let heads = params.kv_heads * params.group;
  return (params.first + row / params.group) * heads + head * params.group + row % params.group;
}

fn place(at: u32, fetched: Fetched, lane: u32) {
  for (var i = 0u; i < LOADS; i++) {
    let e = i * THREADS + lane;
    if (TILE % THREADS == 0u || e < TILE) { tile[at + e / OCTETS * STRIDE + e % OCTETS] = fetched[i]; }
  }
}

/// Four values as halves into the row of `weights` that begins at `row`, as its four number `four`.
fn put_four(row: u32, four: u32, x: vec4<f32>) {
  let halves = narrow(x);
  let at = row + four / 2u;
  let word = four % 2u * 2u;
  weights[at][word] = halves.x;
  weights[at][word + 1u] = halves.y;
}

/// Puts columns 16 n .. 16 n + 15 of the subgroup's queries where weights lie, at side n % 2 of the row; a barrier
/// follows, so what lies at the other side may still be read.
fn stage_queries(n: u32, head: u32, first_row: u32, last_row: u32, own: u32, half: u32) {
  for (var part = 0u; part < PARTS; part++) {
    let in_tile = own + 16u * part;
    let row = first_row + in_tile;
    for (var i = 2u * half; i < 2u * half + 2u; i++) {
      var four = vec4<f32>();
      if (row <= last_row) { four = q[query_row(row, head) * (4u * COLUMNS) + 4u * n + i] * params.scale; }
      put_four(in_tile * WEIGHT_STRIDE, n % 2u * 4u + i, four);
    }
  }
  workgroupBarrier();
}

/// From logits to weights, for the invocation's half of its row of one part: every other vector of four, from `half`
/// on.
fn weigh(part: u32, head: u32, first_row: u32, last_row: u32, own: u32, half: u32, begin: u32, end: u32, masked: bool) {
  let in_tile = own + 16u * part;
  let row = min(first_row + in_tile, last_row);
  let writes = half == 0u && first_row + in_tile <= last_row;
  let at = in_tile * LOGIT_STRIDE;
  var s: array<vec4<f32>, QUADS / 2u>;
  for (var j = 0u; j < QUADS / 2u; j++) { s[j] = logits[at + 2u * j + half]; }
  var hidden = 0u;
  var visible = KEYS;
  if (masked) {
    let position = params.start + row / params.group - skipped;
    hidden = max(first_key(position), begin) - begin;
    visible = u32(clamp(i32(position + 1u) - i32(begin), 0, i32(KEYS)));
    for (var j = 0u; j < QUADS / 2u; j++) {
      let key = vec4<u32>(4u * (2u * j + half)) + vec4<u32>(0u, 1u, 2u, 3u);
      let near = (key >= vec4<u32>(hidden)) | (key + begin < vec4<u32>(FIRST));
      s[j] = select(vec4<f32>(LOWEST), s[j], near & (key < vec4<u32>(visible)));
    }
  }

  var top = LOWEST;
  for (var n = 0u; n < KEYS / 16u; n++) {
    let both = max(s[2u * n], s[2u * n + 1u]);
    var highest = max(max(both.x, both.y), max(both.z, both.w));
    if (BLOCKS_SPLIT_TILES) {
      highest = row_maximum(highest, at + 4u * n, 0u, clamp(visible, 16u * n, 16u * n + 16u) - 16u * n);
      keep_block_maximum(head, row, writes, part, begin + 16u * n, 16u, end, highest);
    }
    top = max(top, highest);
  }
  if (!BLOCKS_SPLIT_TILES) {
    let own_top = top;
    top = row_maximum(own_top, at, hidden, visible);
    if (FIRST > 0u) { top = max(top, row_maximum(own_top, at, 0u, min(max(FIRST, begin) - begin, visible))); }
    keep_block_maximum(head, row, writes, part, begin, KEYS, end, top);
  }

  if (top > reference[part] + CEILING) {
    decay[part] = exp2(reference[part] - (top - LIFT));
    reference[part] = top - LIFT;
    weight_sum[part] *= decay[part];
    raised = 1u;
  } else {
    decay[part] = 1.0;
  }
  var sum = vec4<f32>();
  for (var j = 0u; j < QUADS / 2u; j++) {
    let weight = exp2(s[j] - reference[part]);
    sum += weight;
    put_four(in_tile * WEIGHT_STRIDE, 2u * j + half, weight);
  }
  weight_sum[part] += (sum.x + sum.y) + (sum.z + sum.w);
}

/// Where stage_queries(n) put the subgroup's rows of a part.
fn staged_at(n: u32, own: u32, part: u32) -> u32 { return ((own & ~15u) + 16u * part) * WEIGHT_STRIDE + n % 2u * 2u; }

/// Where logits of the subgroup's first row lie, at side n % 2 of the row, each of 16 columns.
fn side_at(n: u32, own: u32, part: u32) -> u32 { return ((own & ~15u) + 16u * part) * LOGIT_STRIDE + n % 2u * 4u; }

/// Decays what put_sums left at side n % 2 of the subgroup's rows. Nobody but the subgroup touches them, and what lies
/// at the other side may still be read.
fn decay_rows(n: u32, own: u32, half: u32) {
  workgroupBarrier();
  for (var part = 0u; part < PARTS; part++) {
    let at = (own + 16u * part) * LOGIT_STRIDE + n % 2u * 4u + 2u * half;
    logits[at] *= decay[part];
    logits[at + 1u] *= decay[part];
  }
  workgroupBarrier();
}

/// Writes out what put_sums left at side n % 2, as columns 16 n .. of the rows. What lies at the other side may still
/// be read.
fn write_rows(n: u32, head: u32, first_row: u32, last_row: u32, own: u32, half: u32) {
  workgroupBarrier();
  for (var part = 0u; part < PARTS; part++) {
    let in_tile = own + 16u * part;
    let row = first_row + in_tile;
    if (row <= last_row) {
      let at = in_tile * LOGIT_STRIDE + n % 2u * 4u + 2u * half;
      let to = query_row(row, head) * (4u * COLUMNS) + 4u * n + 2u * half;
      out[to] = logits[at] * decay[part];
      out[to + 1u] = logits[at + 1u] * decay[part];
    }
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let all_rows = params.rows * params.group;
  let row_tiles = (all_rows + ROWS - 1u) / ROWS;
  let number = workgroup.y * params.stride + workgroup.x;
  if (number >= row_tiles * params.kv_heads) { return; }
  let head = number / row_tiles;
  let first_row = (row_tiles - 1u - number % row_tiles) * ROWS;
  let last_row = min(first_row + ROWS, all_rows) - 1u;
  let first_query = params.start + first_row / params.group;
  // Known to be the same for all, as what is read from a private variable is not.
  let gap = skipped_before(first_query);
  skipped = gap;
  let seen_by_all = first_query + 1u - gap;
  let end = params.start + last_row / params.group + 1u - gap;
  let last = end - 1u;
  // The invocation's row of part 0 within the tile, and its half of the row.
  let own = lane / 32u * (16u * PARTS) + lane % 32u / 2u;
  let half = lane % 2u;
  let logits_at = (own & ~15u) * LOGIT_STRIDE;
  let weights_at = (own & ~15u) * WEIGHT_STRIDE;
  begin_subgroup(lane);

  place(0u, fetch_keys(head, 0u, last, lane), lane);
  if (lane == 0u) { raised = 0u; }
  for (var part = 0u; part < PARTS; part++) {
    reference[part] = UNSET;
    weight_sum[part] = 0.0;
  }
  begin_blocks();

  var query = Queries();
  load_queries(&query, head, first_row, last_row, own, half);
  var o = Outputs();
  let tiles = (end + KEYS - 1u) / KEYS;
  for (var i = 0u; i < tiles; i++) {
    let begin = i * KEYS;
    var values: Fetched;
    var next_keys: Fetched;
    if (AHEAD) {
      values = fetch_values(head, begin, last, lane);
      next_keys = fetch_keys(head, begin + KEYS, last, lane);
    }

    for (var first = 0u; first < KEYS; first += 32u) {
      var products = Products();
      multiply_keys(&products, &query, first * STRIDE);
      put_sums(logits_at + first / 4u, products[0]);
      put_sums(logits_at + first / 4u + 4u, products[1]);
      if (PARTS > 1u) {
        put_sums(logits_at + 16u * LOGIT_STRIDE + first / 4u, products[2]);
        put_sums(logits_at + 16u * LOGIT_STRIDE + first / 4u + 4u, products[3]);
      }
    }
    workgroupBarrier();

    if (!AHEAD) {
      values = fetch_values(head, begin, last, lane);
      next_keys = fetch_keys(head, begin + KEYS, last, lane);
    }
    place(VALUES_AT, values, lane);
    place(0u, next_keys, lane);
    let masked = begin + KEYS > seen_by_all || begin < first_key(last);
    for (var part = 0u; part < PARTS; part++) {
      weigh(part, head, first_row, last_row, own, half, begin, end, masked);
    }

    // Also the barrier between c and e.
    if (workgroupUniformLoad(&raised) != 0u) {
      if (lane == 0u) { raised = 0u; }
      // In the first tile every row gets its reference, and the outputs are still 0.
      if (i > 0u) { decay_outputs(&o, own, half); }
    }

    for (var first = 0u; first < KEYS; first += 16u) {
      let one = weight_tile(weights_at + first / 8u);
      var other: Left;
      if (PARTS > 1u) { other = weight_tile(weights_at + 16u * WEIGHT_STRIDE + first / 8u); }
      multiply_values(&o, one, other, VALUES_AT + first * STRIDE);
    }
  }

  // The first vector of both invocations of a row: no column 16 n .. is there yet.
  for (var part = 0u; part < PARTS; part++) {
    logits[(own + 16u * part) * LOGIT_STRIDE + half] = vec4<f32>(weight_sum[part]);
  }
  workgroupBarrier();
  for (var part = 0u; part < PARTS; part++) {
    let in_tile = own + 16u * part;
    let own_sum = logits[in_tile * LOGIT_STRIDE].x + logits[in_tile * LOGIT_STRIDE + 1u].x;
    let total = own_sum + sink_weight(head, first_row + in_tile, reference[part]);
    decay[part] = 1.0 / total;
    if (half == 0u && first_row + in_tile <= last_row) {
      keep_statistics(head, first_row + in_tile, reference[part], decay[part]);
    }
  }
  workgroupBarrier();
  write_outputs(&o, head, first_row, last_row, own, half);
}
