// Sliding-window attention of a chunk: flash attention restricted to a band. One workgroup takes QUERIES positions times
// HEADS query heads of one KV head (TILE_ROWS rows, a row per position and head), so that the group shares K and V, and
// walks over the keys first position - w + 1 .. last position in tiles of TILE_KEYS, wherever they begin. The FIRST of the
// context come before them; what lies between is skipped, and positions are counted without it.
//
// An invocation (ty, tx) owns 4 rows; for logits KEYS_EACH keys (tx, tx + LANES, ..), for outputs every LANES-th piece.
//  1. Q, scaled to logits in base 2, stays in workgroup memory for all tiles;
//  2. K tile to workgroup memory (positions before the chunk from the ring, see ring_row.wgsl);
//  3. logits in registers; vec4s of products are added up in Arith over at most 16 terms, then flushed to f32;
//  4. V is fetched; row maxima are exchanged; the sums so far are scaled to the new maximum;
//  5. probabilities and V to workgroup memory; output += P V, flushed every CHUNK <= 16 keys.
// The sink is the first logit: maximum = sink, sum = 1.
//
// q f32 [C, Hq, d]; k, v 16-bit [Hkv, C, d]; ring_k, ring_v 16-bit [Hkv, ring, d]; sinks f32 [Hq]; out f32 [C, Hq, d].

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<Piece>;
@group(0) @binding(3) var<storage, read> v: array<Piece>;
@group(0) @binding(4) var<storage, read> ring_k: array<Piece>;
@group(0) @binding(5) var<storage, read> ring_v: array<Piece>;
@group(0) @binding(6) var<storage, read> sinks: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<vec4<f32>>;

const HALF4S = PIECE / 4u;
const DIM_QUADS = PIECES * HALF4S;
const ROW_GROUPS = TILE_ROWS / 4u;
const WIDTH = LANES * ROW_GROUPS;
const TILE_KEYS = KEYS_EACH * LANES;
const LOADS = (TILE_KEYS * PIECES + WIDTH - 1u) / WIDTH;
/** Pieces of an output row per invocation. */
const OUT_PIECES = (PIECES + LANES - 1u) / LANES;
const OUT_QUADS = OUT_PIECES * HALF4S;
/** Rows are padded by one access, so that neighbouring rows lie in different banks. */
const QUERY_STRIDE = DIM_QUADS + 1u;
const KEY_STRIDE = PIECES + 1u;
/** Each component of a vec4 of products then adds up at most 16. */
const FLUSH_PIECES = 16u / HALF4S;
const CHUNK = select(8u, 16u, TILE_KEYS % 16u == 0u);
const LOG2_E = 1.4426950408889634;
/** Stands for minus infinity: differences with it stay numbers. */
const LOWEST = -1e30;

var<workgroup> query_tile: array<Arith4, TILE_ROWS * QUERY_STRIDE>;
var<workgroup> key_tile: array<Piece, TILE_KEYS * KEY_STRIDE>;
/** Probabilities of four rows at a time: [key, row group]. */
var<workgroup> weight_tile: array<Arith4, TILE_KEYS * ROW_GROUPS>;
var<workgroup> exchange: array<vec4<f32>, WIDTH>;

/** Positions between the FIRST and the window of the workgroup's first query. */
var<private> skipped: u32;

/** The place of a key, in pieces, within k or within the ring. */
fn place_of(position: u32, kv_head: u32) -> u32 {
  if (position >= params.start) { return (kv_head * params.rows + position - params.start) * PIECES; }
  return (kv_head * params.ring + ring_row(position, params.ring)) * PIECES;
}

fn fetch(values: bool, first: u32, last: u32, kv_head: u32, lane: u32) -> array<Piece, LOADS> {
  var pieces: array<Piece, LOADS>;
  if (first >= FIRST && first + skipped >= params.start) {
    let base = (kv_head * params.rows + skipped - params.start) * PIECES;
    for (var i = 0u; i < LOADS; i++) {
      let e = min(lane + i * WIDTH, TILE_KEYS * PIECES - 1u);
      let at = base + min(first + e / PIECES, last) * PIECES + e % PIECES;
      if (values) { pieces[i] = v[at]; } else { pieces[i] = k[at]; }
    }
    return pieces;
  }
  for (var i = 0u; i < LOADS; i++) {
    let e = min(lane + i * WIDTH, TILE_KEYS * PIECES - 1u);
    let counted = min(first + e / PIECES, last);
    let position = select(counted + skipped, counted, counted < FIRST);
    let at = place_of(position, kv_head) + e % PIECES;
    if (position >= params.start) {
      if (values) { pieces[i] = v[at]; } else { pieces[i] = k[at]; }
    } else {
      if (values) { pieces[i] = ring_v[at]; } else { pieces[i] = ring_k[at]; }
    }
  }
  return pieces;
}

fn store(pieces: ptr<function, array<Piece, LOADS>>, lane: u32) {
  for (var i = 0u; i < LOADS; i++) {
    let e = lane + i * WIDTH;
    if (e < TILE_KEYS * PIECES) { key_tile[e / PIECES * KEY_STRIDE + e % PIECES] = (*pieces)[i]; }
  }
}

fn across(x: Arith4) -> f32 {
  let wide = vec4<f32>(x);
  let two = wide.xy + wide.zw;
  return two.x + two.y;
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let tx = lane % LANES;
  let ty = lane / LANES;
  let kv_head = group.y;
  let head_base = group.z * HEADS;
  let row_base = group.x * QUERIES;
  let first_query = params.start + row_base;
  // Known to be the same for all, as what is read from a private variable is not.
  let gap = max(max(first_query + 1u, WINDOW) - WINDOW, FIRST) - FIRST;
  skipped = gap;
  let first_position = first_query - gap;
  let last = params.start + min(row_base + QUERIES, params.rows) - 1u - gap;

  for (var i = lane; i < TILE_ROWS * DIM_QUADS; i += WIDTH) {
    let row = i / DIM_QUADS;
    let c = row_base + row / HEADS;
    let head = head_base + row % HEADS;
    var query = vec4<f32>();
    if (row < QUERIES * HEADS && c < params.rows && head < GROUP) {
      query = q[((c * KV_HEADS + kv_head) * GROUP + head) * DIM_QUADS + i % DIM_QUADS];
    }
    query_tile[row * QUERY_STRIDE + i % DIM_QUADS] = round_arith(query * LOGIT_SCALE);
  }

  var position: vec4<u32>;
  var highest: vec4<f32>;
  for (var r = 0u; r < 4u; r++) {
    let row = 4u * ty + r;
    position[r] = first_position + row / HEADS;
    highest[r] = max(sinks[kv_head * GROUP + min(head_base + row % HEADS, GROUP - 1u)] * LOG2_E, LOWEST);
  }
  var total = vec4<f32>(select(0.0, 1.0, tx == 0u));
  var sum: array<vec4<f32>, 4u * OUT_QUADS>;
  for (var i = 0u; i < 4u * OUT_QUADS; i++) { sum[i] = vec4<f32>(); }

  var keys: array<Piece, LOADS>;
  if (PREFETCH) { keys = fetch(false, 0u, last, kv_head, lane); }
  for (var first = 0u; first <= last; first += TILE_KEYS) {
    if (!PREFETCH) { keys = fetch(false, first, last, kv_head, lane); }
    workgroupBarrier();
    store(&keys, lane);
    workgroupBarrier();

    var logits: array<vec4<f32>, KEYS_EACH>;
    for (var j = 0u; j < KEYS_EACH; j++) { logits[j] = vec4<f32>(); }
    for (var base = 0u; base < PIECES; base += FLUSH_PIECES) {
      var chunk: array<Arith4, KEYS_EACH * 4u>;
      for (var i = 0u; i < KEYS_EACH * 4u; i++) { chunk[i] = Arith4(); }
      for (var piece = base; piece < min(base + FLUSH_PIECES, PIECES); piece++) {
        var rows: array<Arith4, 4u * HALF4S>;
        for (var r = 0u; r < 4u; r++) {
          for (var h = 0u; h < HALF4S; h++) {
            rows[r * HALF4S + h] = query_tile[(4u * ty + r) * QUERY_STRIDE + piece * HALF4S + h];
          }
        }
        for (var j = 0u; j < KEYS_EACH; j++) {
          let key = key_tile[(tx + j * LANES) * KEY_STRIDE + piece];
          for (var h = 0u; h < HALF4S; h++) {
            let value = to_arith(half4_of(key, h));
            for (var r = 0u; r < 4u; r++) { chunk[j * 4u + r] = fma(rows[r * HALF4S + h], value, chunk[j * 4u + r]); }
          }
        }
      }
      for (var j = 0u; j < KEYS_EACH; j++) {
        logits[j] += vec4<f32>(
          across(chunk[j * 4u]), across(chunk[j * 4u + 1u]), across(chunk[j * 4u + 2u]), across(chunk[j * 4u + 3u]),
        );
      }
    }

    var values = fetch(true, first, last, kv_head, lane);
    var most = highest;
    for (var j = 0u; j < KEYS_EACH; j++) {
      let p = first + tx + j * LANES;
      let near = (vec4<u32>(p + WINDOW) > position) | vec4<bool>(p < FIRST);
      logits[j] = select(vec4<f32>(LOWEST), logits[j], (vec4<u32>(p) <= position) & near);
      most = max(most, logits[j]);
    }
    exchange[lane] = most;
    workgroupBarrier();
    store(&values, lane);
    for (var i = 0u; i < LANES; i++) { most = max(most, exchange[ty * LANES + i]); }
    let scale = exp2(highest - most);
    highest = most;
    total *= scale;
    for (var j = 0u; j < KEYS_EACH; j++) {
      let weight = select(vec4<f32>(), exp2(logits[j] - most), logits[j] > vec4<f32>(LOWEST));
      total += weight;
      weight_tile[(tx + j * LANES) * ROW_GROUPS + ty] = round_arith(weight);
    }
    for (var r = 0u; r < 4u; r++) {
      for (var i = 0u; i < OUT_QUADS; i++) { sum[r * OUT_QUADS + i] *= scale[r]; }
    }
    workgroupBarrier();

    if (PREFETCH && first + TILE_KEYS <= last) { keys = fetch(false, first + TILE_KEYS, last, kv_head, lane); }
    for (var base = 0u; base < TILE_KEYS; base += CHUNK) {
      var chunk: array<Arith4, 4u * OUT_QUADS>;
      for (var i = 0u; i < 4u * OUT_QUADS; i++) { chunk[i] = Arith4(); }
      for (var key = base; key < base + CHUNK; key++) {
        let weights = weight_tile[key * ROW_GROUPS + ty];
        for (var i = 0u; i < OUT_PIECES; i++) {
          let piece = key_tile[key * KEY_STRIDE + min(tx + i * LANES, PIECES - 1u)];
          for (var h = 0u; h < HALF4S; h++) {
            let value = to_arith(half4_of(piece, h));
            for (var r = 0u; r < 4u; r++) {
              let at = r * OUT_QUADS + i * HALF4S + h;
              chunk[at] = fma(Arith4(weights[r]), value, chunk[at]);
            }
          }
        }
      }
      for (var i = 0u; i < 4u * OUT_QUADS; i++) { sum[i] += vec4<f32>(chunk[i]); }
    }
  }

  workgroupBarrier();
  exchange[lane] = total;
  workgroupBarrier();
  var all = vec4<f32>();
  for (var i = 0u; i < LANES; i++) { all += exchange[ty * LANES + i]; }
  for (var r = 0u; r < 4u; r++) {
    let row = 4u * ty + r;
    let c = row_base + row / HEADS;
    let head = head_base + row % HEADS;
    if (row < QUERIES * HEADS && c < params.rows && head < GROUP) {
      let into = ((c * KV_HEADS + kv_head) * GROUP + head) * DIM_QUADS;
      for (var i = 0u; i < OUT_PIECES; i++) {
        let piece = tx + i * LANES;
        if (piece < PIECES) {
          for (var h = 0u; h < HALF4S; h++) {
            out[into + piece * HALF4S + h] = sum[r * OUT_QUADS + i * HALF4S + h] / all[r];
          }
        }
      }
    }
  }
}
