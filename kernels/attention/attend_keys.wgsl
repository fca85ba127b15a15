// One query position of several heads against runs of keys: what the decode kernels have in common. One workgroup takes
// HEADS * HEAD_GROUPS query heads of one KV head, so that K and V are read once, and leaves a partial result:
// the largest logit m, l = sum of 2^(logit - m), and o = sum of 2^(logit - m) v. Logits are in base 2.
//
// For every tile of at most TILE keys:
//  1. K: an invocation holds QUERY_PIECES pieces of HEADS queries in registers and multiplies them with the same pieces of
//     KEYS_EACH keys; the next step's keys are loaded before the partial dot products are exchanged;
//  2. the partial dot products of LANES_Q invocations are added up through workgroup memory: logits;
//  3. maxima of SUB keys each, from them the tile's maximum (and whatever `tile_seen` makes of them: block maxima);
//  4. probabilities in place of logits, o and l scaled to the new maximum;
//  5. V: an invocation adds up one piece of HEADS heads over every ROWS-th key, VALUES_EACH loads ahead.
// At the end the ROWS sums are added up through workgroup memory.
//
// The file that includes this defines: load_keys, load_values, query_at, tile_seen, and the bindings `partial` (o) and
// `sums` (m, l). ARITH_DOTS, ARITH_SUMS: products in Arith, flushed to f32 after 16 dims, after VALUES_EACH <= 16 keys.

/** Keys first .. first + count - 1, rows of the cache it reads; `part` numbers the tile. */
struct Tile { first: u32, count: u32, part: u32 }

const LANES_Q = PIECES / QUERY_PIECES;
const KEY_ROWS = ROWS * QUERY_PIECES;
const WIDTH = PIECES * HEAD_GROUPS * ROWS;
const HALF4S = PIECE / 4u;
const QUERY_QUADS = QUERY_PIECES * HALF4S;
const DIM_QUADS = PIECES * HALF4S;
const HEADS_HERE = HEADS * HEAD_GROUPS;
const HEAD_QUADS = HEADS_HERE / 4u;
const STEP = KEY_ROWS * KEYS_EACH;
/** One more lane than there are, so that neighbouring keys lie in different banks. */
const KEY_STRIDE = (LANES_Q + 1u) * HEAD_QUADS;
const SUBS = (TILE + SUB - 1u) / SUB;
/** Stands for minus infinity: differences with it stay numbers. */
const LOWEST = -1e30;

var<workgroup> logits: array<vec4<f32>, TILE * HEAD_QUADS>;
var<workgroup> exchange: array<vec4<f32>, max(STEP * KEY_STRIDE, WIDTH * HALF4S)>;
var<workgroup> sub_maxima: array<f32, SUBS * HEADS_HERE>;
var<workgroup> scales: array<f32, HEADS_HERE>;

struct Attending {
  query: array<vec4<f32>, HEADS * QUERY_QUADS>,
  arith_query: array<Arith4, HEADS * QUERY_QUADS>,
  sum: array<vec4<f32>, HEADS * HALF4S>,
  /** Of head lane % HEADS_HERE, of which this invocation makes probabilities. */
  highest: f32,
  total: f32,
}

fn key_row(lane: u32) -> u32 { return lane / (LANES_Q * HEAD_GROUPS); }
fn value_row(lane: u32) -> u32 { return lane / (PIECES * HEAD_GROUPS); }

/** `head`: the first of this workgroup's; `heads`: how many of its HEADS_HERE are real. */
fn begin(state: ptr<function, Attending>, head: u32, heads: u32, lane: u32) {
  let mine = (lane / LANES_Q) % HEAD_GROUPS * HEADS;
  for (var h = 0u; h < HEADS; h++) {
    for (var p = 0u; p < QUERY_PIECES; p++) {
      for (var j = 0u; j < HALF4S; j++) {
        var query = vec4<f32>();
        if (mine + h < heads) {
          query = query_at(head + mine + h, (lane % LANES_Q + p * LANES_Q) * HALF4S + j) * LOGIT_SCALE;
        }
        let i = h * QUERY_QUADS + p * HALF4S + j;
        if (ARITH_DOTS) { (*state).arith_query[i] = round_arith(query); } else { (*state).query[i] = query; }
      }
    }
  }
  for (var i = 0u; i < HEADS * HALF4S; i++) { (*state).sum[i] = vec4<f32>(); }
  (*state).highest = LOWEST;
  (*state).total = 0.0;
}

fn keys_of_step(tile: Tile, step: u32, lane: u32) -> array<Piece, KEYS_EACH * QUERY_PIECES> {
  var places: array<u32, KEYS_EACH * QUERY_PIECES>;
  for (var k = 0u; k < KEYS_EACH; k++) {
    let key = tile.first + min(step + key_row(lane) + k * KEY_ROWS, tile.count - 1u);
    for (var p = 0u; p < QUERY_PIECES; p++) {
      places[k * QUERY_PIECES + p] = key * PIECES + lane % LANES_Q + p * LANES_Q;
    }
  }
  return load_keys(places);
}

fn values_of_step(tile: Tile, step: u32, lane: u32) -> array<Piece, VALUES_EACH> {
  var places: array<u32, VALUES_EACH>;
  for (var k = 0u; k < VALUES_EACH; k++) {
    let key = tile.first + min(step + value_row(lane) + k * ROWS, tile.count - 1u);
    places[k] = key * PIECES + lane % PIECES;
  }
  return load_values(places);
}

/** The dot product over this invocation's dims of one head's query with one key. */
fn partial_dot(
  state: ptr<function, Attending>, head: u32, keys: ptr<function, array<Piece, KEYS_EACH * QUERY_PIECES>>, key: u32,
) -> f32 {
  if (ARITH_DOTS) {
    var sum = Arith4();
    for (var p = 0u; p < QUERY_PIECES; p++) {
      for (var j = 0u; j < HALF4S; j++) {
        let value = to_arith(half4_of((*keys)[key * QUERY_PIECES + p], j));
        sum = fma((*state).arith_query[head * QUERY_QUADS + p * HALF4S + j], value, sum);
      }
    }
    let two = sum.xy + sum.zw;
    return f32(two.x) + f32(two.y);
  }
  var sum = vec4<f32>();
  for (var p = 0u; p < QUERY_PIECES; p++) {
    for (var j = 0u; j < HALF4S; j++) {
      let value = widen(half4_of((*keys)[key * QUERY_PIECES + p], j));
      sum = fma((*state).query[head * QUERY_QUADS + p * HALF4S + j], value, sum);
    }
  }
  let two = sum.xy + sum.zw;
  return two.x + two.y;
}

/** Steps 1 to 5 for one tile; all invocations, with the same tile of at least one key. */
fn attend(state: ptr<function, Attending>, tile: Tile, lane: u32) {
  var values = values_of_step(tile, 0u, lane);
  var keys = keys_of_step(tile, 0u, lane);
  let quad = (lane / LANES_Q) % HEAD_GROUPS * (HEADS / 4u);
  for (var step = 0u; step < tile.count; step += STEP) {
    for (var k = 0u; k < KEYS_EACH; k++) {
      let into = (key_row(lane) + k * KEY_ROWS) * KEY_STRIDE + lane % LANES_Q * HEAD_QUADS + quad;
      for (var h = 0u; h < HEADS / 4u; h++) {
        exchange[into + h] = vec4<f32>(
          partial_dot(state, 4u * h, &keys, k),
          partial_dot(state, 4u * h + 1u, &keys, k),
          partial_dot(state, 4u * h + 2u, &keys, k),
          partial_dot(state, 4u * h + 3u, &keys, k),
        );
      }
    }
    if (step + STEP < tile.count) { keys = keys_of_step(tile, step + STEP, lane); }
    workgroupBarrier();
    for (var i = lane; i < STEP * HEADS_HERE; i += WIDTH) {
      let key = i / HEADS_HERE;
      let head = i % HEADS_HERE;
      let at = key * KEY_STRIDE + head / 4u;
      var logit = 0.0;
      for (var j = 0u; j < LANES_Q; j++) { logit += exchange[at + j * HEAD_QUADS][head % 4u]; }
      logits[(step + key) * HEAD_QUADS + head / 4u][head % 4u] = select(LOWEST, logit, step + key < tile.count);
    }
    workgroupBarrier();
  }

  for (var i = lane; i < SUBS * HEADS_HERE; i += WIDTH) {
    let head = i % HEADS_HERE;
    let sub = i / HEADS_HERE;
    var most = LOWEST;
    for (var j = 0u; j < SUB; j++) {
      let key = sub * SUB + (j + sub) % SUB;
      if (key < tile.count) { most = max(most, logits[key * HEAD_QUADS + head / 4u][head % 4u]); }
    }
    sub_maxima[i] = most;
  }
  workgroupBarrier();
  tile_seen(tile.part, lane);

  let head = lane % HEADS_HERE;
  let before = (*state).highest;
  var highest = before;
  for (var sub = 0u; sub < SUBS; sub++) { highest = max(highest, sub_maxima[sub * HEADS_HERE + head]); }
  let scale = exp2(before - highest);
  if (lane < HEADS_HERE) { scales[lane] = scale; }
  var total = (*state).total * scale;
  for (var i = lane; i < tile.count * HEADS_HERE; i += WIDTH) {
    let at = i / HEADS_HERE * HEAD_QUADS + head / 4u;
    let probability = exp2(logits[at][head % 4u] - highest);
    logits[at][head % 4u] = probability;
    total += probability;
  }
  (*state).total = total;
  (*state).highest = highest;
  workgroupBarrier();

  let mine = (lane / PIECES) % HEAD_GROUPS * HEADS;
  for (var h = 0u; h < HEADS; h++) {
    for (var j = 0u; j < HALF4S; j++) { (*state).sum[h * HALF4S + j] *= scales[mine + h]; }
  }
  for (var step = 0u; step < tile.count; step += ROWS * VALUES_EACH) {
    var ahead = values;
    if (step + ROWS * VALUES_EACH < tile.count) { ahead = values_of_step(tile, step + ROWS * VALUES_EACH, lane); }
    add_values(state, &values, step, tile.count, lane);
    values = ahead;
  }
}

fn add_values(
  state: ptr<function, Attending>, values: ptr<function, array<Piece, VALUES_EACH>>, step: u32, count: u32, lane: u32,
) {
  let quad = (lane / PIECES) % HEAD_GROUPS * (HEADS / 4u);
  var chunk: array<Arith4, HEADS * HALF4S>;
  if (ARITH_SUMS) {
    for (var i = 0u; i < HEADS * HALF4S; i++) { chunk[i] = Arith4(); }
  }
  for (var k = 0u; k < VALUES_EACH; k++) {
    let key = step + value_row(lane) + k * ROWS;
    for (var h = 0u; h < HEADS / 4u; h++) {
      var weights = vec4<f32>();
      if (key < count) { weights = logits[key * HEAD_QUADS + quad + h]; }
      for (var j = 0u; j < HALF4S; j++) {
        let half4 = half4_of((*values)[k], j);
        if (ARITH_SUMS) {
          let value = to_arith(half4);
          let weight = round_arith(weights);
          for (var c = 0u; c < 4u; c++) {
            let i = (4u * h + c) * HALF4S + j;
            chunk[i] = fma(Arith4(weight[c]), value, chunk[i]);
          }
        } else {
          let value = widen(half4);
          for (var c = 0u; c < 4u; c++) {
            let i = (4u * h + c) * HALF4S + j;
            (*state).sum[i] = fma(vec4<f32>(weights[c]), value, (*state).sum[i]);
          }
        }
      }
    }
  }
  if (ARITH_SUMS) {
    for (var i = 0u; i < HEADS * HALF4S; i++) { (*state).sum[i] += vec4<f32>(chunk[i]); }
  }
}

/** Writes the partial result as row `into` of partial [.., d] and sums [..], one row per head. */
fn finish(state: ptr<function, Attending>, into: u32, heads: u32, lane: u32) {
  workgroupBarrier();
  exchange[lane / 4u][lane % 4u] = (*state).total;
  workgroupBarrier();
  if (lane < min(heads, HEADS_HERE)) {
    var total = 0.0;
    for (var i = lane; i < WIDTH; i += HEADS_HERE) { total += exchange[i / 4u][i % 4u]; }
    sums[into + lane] = vec2<f32>((*state).highest, total);
  }
  for (var h = 0u; h < HEADS; h++) {
    workgroupBarrier();
    for (var j = 0u; j < HALF4S; j++) { exchange[lane * HALF4S + j] = (*state).sum[h * HALF4S + j]; }
    workgroupBarrier();
    for (var i = lane; i < HEAD_GROUPS * DIM_QUADS; i += WIDTH) {
      let head = i / DIM_QUADS * HEADS + h;
      var sum = vec4<f32>();
      for (var row = 0u; row < ROWS; row++) { sum += exchange[row * HEAD_GROUPS * DIM_QUADS + i]; }
      if (head < heads) { partial[(into + head) * DIM_QUADS + i % DIM_QUADS] = sum; }
    }
  }
}
