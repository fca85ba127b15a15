// Sliding-window attention of a chunk on matrix units. One workgroup takes QUERIES positions times HEADS query heads of a
// KV head (ROWS rows, a row per position and head) and the whole band of keys that they see: first position - w + 1 ..
// last position, BAND keys. All logits of the band lie in workgroup memory, so the softmax is exact and nothing is
// rescaled. A team of 32 has 16 ROW_TILES rows; SPLIT teams share its rows' keys, then its columns.
//
//  1. q, scaled to logits in base 2, goes to workgroup memory in 16 bit;
//  2. S = q K^T (f32), STAGE keys at a time; the next keys, then the first values, are fetched meanwhile;
//  3. LANES invocations per row find its maximum over the band;
//  4. P = exp2(S - max), masked keys 0, in 16 bit: the P of 16 keys takes the first half of the place of their S;
//  5. O += P V, STAGE keys at a time;
//  6. O takes the place of P and is divided by the row's sum, to which the sink adds its share.
//
// Keys before the chunk come from the ring, position p from row p mod ring. Keys outside the band's valid part repeat its
// nearest: they are masked, and must be finite. Rows of workgroup memory are one word longer than their contents, against
// bank conflicts.
//
// q f32 [C, Hq, d]; k, v halves [Hkv, C, d]; ring_k, ring_v halves [Hkv, ring, d]; sinks f32 [Hq]; out f32 [C, Hq, d];
// d a multiple of 16.
//
// Versions (ROWS/ROW_TILES, most tiles of 16 columns per team, STAGE; see matrix.ts), on an H200, 2026-11-22, while the
// runtime still cleared workgroup memory: C = 2048, w = 128; 32/8 heads of 128, then 64/4:
//   32/1, 2, 64 (default): 0.1167 ms (36.8 TFLOP/s), 0.2183 ms (39.4 TFLOP/s);
//   32/1, 4, 48: 0.1341 ms, 0.2508 ms; STAGE 64: 0.1394 ms, 0.2588 ms; STAGE 32: 0.1441 ms, 0.2700 ms;
//   32/2, 2, 64: 0.1402 ms, 0.2586 ms;
//   32/2, 4, 32: 0.2008 ms, 0.3793 ms; STAGE 16: 0.2213 ms, 0.4241 ms;
//   16/1, 4, 16: 0.2052 ms, 0.3513 ms.

struct Params { rows: u32, start: u32, ring: u32, stride: u32 }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> ring_k: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> ring_v: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read> sinks: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4<f32>>;

const D4 = HEAD_DIM / 4u;
const D8 = HEAD_DIM / 8u;
const D16 = HEAD_DIM / 16u;
const THREADS = ROWS / (16u * ROW_TILES) * SPLIT * 32u;
const LANES = THREADS / ROWS;
const BAND = WINDOW + QUERIES - 1u;
const KEY_TILES = (BAND + 15u) / 16u;
const STAGE_TILES = STAGE / 16u;
const STAGES = (KEY_TILES + STAGE_TILES - 1u) / STAGE_TILES;
const SLICES = (GROUP + HEADS - 1u) / HEADS;
/** Tiles of a stage's keys and of columns that a team has; at most four. */
const KEY_SHARE = (STAGE_TILES + SPLIT - 1u) / SPLIT;
const COLUMN_SHARE = (D16 + SPLIT - 1u) / SPLIT;
/** Words between rows: of q, K and V; of S and P; of O. Columns beyond d are never written out. */
const OPERAND = 2u * SPLIT * COLUMN_SHARE + 1u;
const SCORES = 4u * KEY_TILES + 1u;
const OUTPUT = 4u * SPLIT * COLUMN_SHARE + 1u;
/** Where q and S (P, O) lie; the stage's keys or values lie at 0. A team may read past a stage that it shares unevenly. */
const QUERIES_AT = 16u * SPLIT * KEY_SHARE * OPERAND;
const SCORES_AT = QUERIES_AT + ROWS * OPERAND;
const POOL = SCORES_AT + ROWS * max(SCORES, OUTPUT);
const STAGE_WORDS = (STAGE * D8 + THREADS - 1u) / THREADS;
const ROW_WORDS = (ROWS * D8 + THREADS - 1u) / THREADS;
const HIDDEN = -1e30;
const LOG2_E = 1.4426950408889634;

var<workgroup> pool: array<vec4<u32>, POOL>;
/** [LANES][ROWS] */
var<workgroup> peaks: array<f32, THREADS>;
var<workgroup> sums: array<f32, THREADS>;
var<workgroup> scales: array<f32, ROWS>;
/** Lane of the team of 32. */
var<private> team_lane: u32;

alias Held = array<vec4<u32>, STAGE_WORDS>;

/** What the workgroup looks at: positions are relative to the chunk, negative ones lie before it. */
struct Band { kv_head: u32, begin: i32, first: i32, last: i32 }

/** This invocation's words of a stage of keys or values. */
fn fetch(values: bool, stage: u32, band: Band, lane: u32) -> Held {
  var held: Held;
  if (band.first >= 0) {
    for (var i = 0u; i < STAGE_WORDS; i++) {
      let e = lane + i * THREADS;
      let row = u32(clamp(band.begin + i32(stage * STAGE + e / D8), band.first, band.last));
      let at = (band.kv_head * params.rows + row) * D8 + e % D8;
      if (values) { held[i] = v[at]; } else { held[i] = k[at]; }
    }
    return held;
  }
  for (var i = 0u; i < STAGE_WORDS; i++) {
    let e = lane + i * THREADS;
    let row = clamp(band.begin + i32(stage * STAGE + e / D8), band.first, band.last);
    if (row >= 0) {
      let at = (band.kv_head * params.rows + u32(row)) * D8 + e % D8;
      if (values) { held[i] = v[at]; } else { held[i] = k[at]; }
    } else {
      let position = u32(i32(params.start) + row);
      let at = (band.kv_head * params.ring + position % params.ring) * D8 + e % D8;
      if (values) { held[i] = ring_v[at]; } else { held[i] = ring_k[at]; }
    }
  }
  return held;
}

fn put(held: ptr<function, Held>, lane: u32) {
  for (var i = 0u; i < STAGE_WORDS; i++) {
    let e = lane + i * THREADS;
    if (STAGE * D8 % THREADS == 0u || e < STAGE * D8) { pool[e / D8 * OPERAND + e % D8] = (*held)[i]; }
  }
}

/** Four logits of keys `first` and on of the band; keys but `width` from `begin` on are masked. */
fn scores_at(at: u32, first: u32, begin: u32, width: u32) -> vec4<f32> {
  let beyond = vec4<u32>(first - begin) + vec4<u32>(0u, 1u, 2u, 3u);
  return select(vec4<f32>(HIDDEN), bitcast<vec4<f32>>(pool[at]), beyond < vec4<u32>(width));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let index = group.y * params.stride + group.x;
  let slice = index % SLICES;
  let kv_head = index / SLICES % KV_HEADS;
  let first_query = index / (SLICES * KV_HEADS) * QUERIES;
  if (first_query >= params.rows) { return; }
  team_lane = lane % 32u;
  let begin = i32(first_query) + 1 - i32(WINDOW);
  let band = Band(
    kv_head,
    begin,
    max(begin, -i32(params.start)),
    i32(min(first_query + QUERIES, params.rows)) - 1,
  );

  var held = fetch(false, 0u, band, lane);
  for (var i = 0u; i < ROW_WORDS; i++) {
    let e = lane + i * THREADS;
    let query = min(first_query + e / D8 / HEADS, params.rows - 1u);
    let head = min(slice * HEADS + e / D8 % HEADS, GROUP - 1u);
    let at = ((query * KV_HEADS + kv_head) * GROUP + head) * D4 + 2u * (e % D8);
    if (ROWS * D8 % THREADS == 0u || e < ROWS * D8) {
      pool[QUERIES_AT + e / D8 * OPERAND + e % D8] =
        vec4<u32>(narrow(q[at] * LOGIT_SCALE), narrow(q[at + 1u] * LOGIT_SCALE));
    }
  }

  // Sums of the team's first 16 rows are a0 .. a3, of its second ones b0 .. b3.
  let team = lane / 32u;
  let share = team % SPLIT;
  let first_row = team / SPLIT * 16u * ROW_TILES;
  var a0 = no_sums();
  var a1 = no_sums();
  var a2 = no_sums();
  var a3 = no_sums();
  var b0 = no_sums();
  var b1 = no_sums();
  var b2 = no_sums();
  var b3 = no_sums();
  for (var stage = 0u; stage < STAGES; stage++) {
    if (stage > 0u) { workgroupBarrier(); }
    put(&held, lane);
    workgroupBarrier();
    if (stage + 1u < STAGES) { held = fetch(false, stage + 1u, band, lane); } else { held = fetch(true, 0u, band, lane); }

    let first_tile = stage * STAGE_TILES + share * KEY_SHARE;
    let end_tile = min(KEY_TILES, (stage + 1u) * STAGE_TILES);
    if (first_tile < end_tile) {
      a0 = no_sums();
      a1 = no_sums();
      a2 = no_sums();
      a3 = no_sums();
      b0 = no_sums();
      b1 = no_sums();
      b2 = no_sums();
      b3 = no_sums();
      let rows_at = QUERIES_AT + first_row * OPERAND;
      let keys_at = share * KEY_SHARE * 16u * OPERAND;
      for (var c = 0u; c < 2u * D16; c += 2u) {
        let x = left_tile(rows_at + c, OPERAND);
        var y = x;
        if (ROW_TILES > 1u) { y = left_tile(rows_at + 16u * OPERAND + c, OPERAND); }
        let z0 = turned_tile(keys_at + c, OPERAND);
        a0 = add_turned(x, z0, a0);
        if (ROW_TILES > 1u) { b0 = add_turned(y, z0, b0); }
        if (KEY_SHARE > 1u) {
          let z1 = turned_tile(keys_at + 16u * OPERAND + c, OPERAND);
          a1 = add_turned(x, z1, a1);
          if (ROW_TILES > 1u) { b1 = add_turned(y, z1, b1); }
        }
        if (KEY_SHARE > 2u) {
          let z2 = turned_tile(keys_at + 32u * OPERAND + c, OPERAND);
          a2 = add_turned(x, z2, a2);
          if (ROW_TILES > 1u) { b2 = add_turned(y, z2, b2); }
        }
        if (KEY_SHARE > 3u) {
          let z3 = turned_tile(keys_at + 48u * OPERAND + c, OPERAND);
          a3 = add_turned(x, z3, a3);
          if (ROW_TILES > 1u) { b3 = add_turned(y, z3, b3); }
        }
      }
      let a = SCORES_AT + first_row * SCORES + 4u * first_tile;
      let b = a + 16u * SCORES;
      put_sums(a, SCORES, a0);
      if (ROW_TILES > 1u) { put_sums(b, SCORES, b0); }
      if (KEY_SHARE > 1u && first_tile + 1u < end_tile) {
        put_sums(a + 4u, SCORES, a1);
        if (ROW_TILES > 1u) { put_sums(b + 4u, SCORES, b1); }
      }
      if (KEY_SHARE > 2u && first_tile + 2u < end_tile) {
        put_sums(a + 8u, SCORES, a2);
        if (ROW_TILES > 1u) { put_sums(b + 8u, SCORES, b2); }
      }
      if (KEY_SHARE > 3u && first_tile + 3u < end_tile) {
        put_sums(a + 12u, SCORES, a3);
        if (ROW_TILES > 1u) { put_sums(b + 12u, SCORES, b3); }
      }
    }
  }
  workgroupBarrier();
  put(&held, lane);

  // The row whose softmax this invocation shares: of the band, it sees keys `lowest` .. `own` + w - 1.
  let row = lane % ROWS;
  let row_part = lane / ROWS;
  let own = row / HEADS;
  let lowest = max(own, u32(band.first - begin));
  let width = own + WINDOW - lowest;
  var most = vec4<f32>(HIDDEN);
  for (var t = row_part; t < KEY_TILES; t += LANES) {
    let at = SCORES_AT + row * SCORES + 4u * t;
    for (var i = 0u; i < 4u; i++) { most = max(most, scores_at(at + i, 16u * t + 4u * i, lowest, width)); }
  }
  peaks[lane] = max(max(most.x, most.y), max(most.z, most.w));
  workgroupBarrier();

  var peak = HIDDEN;
  for (var i = 0u; i < LANES; i++) { peak = max(peak, peaks[i * ROWS + row]); }
  var total = vec4<f32>(0.0);
  for (var t = row_part; t < KEY_TILES; t += LANES) {
    let at = SCORES_AT + row * SCORES + 4u * t;
    let p0 = exp2(scores_at(at, 16u * t, lowest, width) - peak);
    let p1 = exp2(scores_at(at + 1u, 16u * t + 4u, lowest, width) - peak);
    let p2 = exp2(scores_at(at + 2u, 16u * t + 8u, lowest, width) - peak);
    let p3 = exp2(scores_at(at + 3u, 16u * t + 12u, lowest, width) - peak);
    total += (p0 + p1) + (p2 + p3);
    pool[at] = vec4<u32>(narrow(p0), narrow(p1));
    pool[at + 1u] = vec4<u32>(narrow(p2), narrow(p3));
  }
  sums[lane] = (total.x + total.y) + (total.z + total.w);
  workgroupBarrier();

  if (row_part == 0u) {
    var sum = 0.0;
    for (var i = 0u; i < LANES; i++) { sum += sums[i * ROWS + row]; }
    let head = min(slice * HEADS + row % HEADS, GROUP - 1u);
    let sink = max(sinks[kv_head * GROUP + head] * LOG2_E, HIDDEN);
    let top = max(peak, sink);
    let weight = exp2(peak - top);
    scales[row] = weight / (sum * weight + exp2(sink - top));
  }
  a0 = no_sums();
  a1 = no_sums();
  a2 = no_sums();
  a3 = no_sums();
  b0 = no_sums();
  b1 = no_sums();
  b2 = no_sums();
  b3 = no_sums();
  for (var stage = 0u; stage < STAGES; stage++) {
    if (stage > 0u) {
      workgroupBarrier();
      put(&held, lane);
      workgroupBarrier();
    }
    if (stage + 1u < STAGES) { held = fetch(true, stage + 1u, band, lane); }

    let first_tile = stage * STAGE_TILES;
    let end_tile = min(KEY_TILES, first_tile + STAGE_TILES);
    for (var t = first_tile; t < end_tile; t++) {
      let weights_at = SCORES_AT + first_row * SCORES + 4u * t;
      let x = left_tile(weights_at, SCORES);
      var y = x;
      if (ROW_TILES > 1u) { y = left_tile(weights_at + 16u * SCORES, SCORES); }
      let values_at = 16u * (t - first_tile) * OPERAND + 2u * share * COLUMN_SHARE;
      let z0 = right_tile(values_at, OPERAND);
      a0 = add_product(x, z0, a0);
      if (ROW_TILES > 1u) { b0 = add_product(y, z0, b0); }
      if (COLUMN_SHARE > 1u) {
        let z1 = right_tile(values_at + 2u, OPERAND);
        a1 = add_product(x, z1, a1);
        if (ROW_TILES > 1u) { b1 = add_product(y, z1, b1); }
      }
      if (COLUMN_SHARE > 2u) {
        let z2 = right_tile(values_at + 4u, OPERAND);
        a2 = add_product(x, z2, a2);
        if (ROW_TILES > 1u) { b2 = add_product(y, z2, b2); }
      }
      if (COLUMN_SHARE > 3u) {
        let z3 = right_tile(values_at + 6u, OPERAND);
        a3 = add_product(x, z3, a3);
        if (ROW_TILES > 1u) { b3 = add_product(y, z3, b3); }
      }
    }
  }
  workgroupBarrier();

  let a = SCORES_AT + first_row * OUTPUT + 4u * share * COLUMN_SHARE;
  let b = a + 16u * OUTPUT;
  put_sums(a, OUTPUT, a0);
  if (COLUMN_SHARE > 1u) { put_sums(a + 4u, OUTPUT, a1); }
  if (COLUMN_SHARE > 2u) { put_sums(a + 8u, OUTPUT, a2); }
  if (COLUMN_SHARE > 3u) { put_sums(a + 12u, OUTPUT, a3); }
  if (ROW_TILES > 1u) {
    put_sums(b, OUTPUT, b0);
    if (COLUMN_SHARE > 1u) { put_sums(b + 4u, OUTPUT, b1); }
    if (COLUMN_SHARE > 2u) { put_sums(b + 8u, OUTPUT, b2); }
    if (COLUMN_SHARE > 3u) { put_sums(b + 12u, OUTPUT, b3); }
  }
  workgroupBarrier();

  for (var e = lane; e < QUERIES * HEADS * D4; e += THREADS) {
    let query = first_query + e / D4 / HEADS;
    let head = slice * HEADS + e / D4 % HEADS;
    if (query < params.rows && head < GROUP) {
      out[((query * KV_HEADS + kv_head) * GROUP + head) * D4 + e % D4] =
        bitcast<vec4<f32>>(pool[SCORES_AT + e / D4 * OUTPUT + e % D4]) * scales[e / D4];
    }
  }
}
