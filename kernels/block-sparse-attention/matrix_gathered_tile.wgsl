// Block-sparse attention on matrix units, block outer: one workgroup per tile of the plan = (list, block, queries that
// chose it) and share of it (KEYS keys of the block, GROUP_TILE query heads). The block is all there is, so the softmax is
// exact and nothing is rescaled. A team of 32 has 16 ROW_TILES rows; SPLIT teams share its rows' keys, then its columns.
//
//  1. K, V and the gathered rows of q go to registers, K and q on to workgroup memory;
//  2. S = q K^T (f32) takes q's place in workgroup memory, V takes K's;
//  3. LANES invocations per row find its maximum over the KEYS;
//  4. P = exp2(S - max), masked keys 0, in 16 bit: the P of 16 keys takes the first half of the place of their S;
//  5. O = P V takes everything's place;
//  6. O / row sum goes to the pair's own place, with log2 of the sum of exp2: merge_partials puts them together.
//
// Rows of workgroup memory are one word longer than their contents, against bank conflicts.
//
// q halves [C, Hq, d], scaled (matrix_scale_queries); k, v halves [Hkv, room, d]; d a multiple of 16; pairs, tiles, args:
// see plan_scatter and plan_cut; partials halves [C, Hkv, slots, PARTS, G, d]; log_sums f32 [C, Hkv, slots, PARTS, G].

@group(0) @binding(1) var<storage, read> q: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> pairs: array<u32>;
@group(0) @binding(5) var<storage, read> tiles: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read> args: array<u32>;
@group(0) @binding(7) var<storage, read_write> partials: array<vec4<u32>>;
@group(0) @binding(8) var<storage, read_write> log_sums: array<f32>;

const D8 = HEAD_DIM / 8u;
const D16 = HEAD_DIM / 16u;
const THREADS = ROWS / (16u * ROW_TILES) * SPLIT * 32u;
const LANES = THREADS / ROWS;
const KEY_TILES = KEYS / 16u;
/** Tiles of keys and of columns that a team has; at most four. */
const KEY_SHARE = (KEY_TILES + SPLIT - 1u) / SPLIT;
const COLUMN_SHARE = (D16 + SPLIT - 1u) / SPLIT;
/** Words between rows: of q, K and V; of S and P; of O. Columns beyond d are never stored. */
const OPERAND = 2u * SPLIT * COLUMN_SHARE + 1u;
const SCORES = 4u * KEY_TILES + 1u;
const OUTPUT = 4u * SPLIT * COLUMN_SHARE + 1u;
/** Where q, S and P lie; K and V lie at 0. */
const ROWS_AT = KEYS * OPERAND;
const POOL = max(ROWS_AT + ROWS * max(OPERAND, SCORES), ROWS * OUTPUT);
const KEY_WORDS = (KEYS * D8 + THREADS - 1u) / THREADS;
const ROW_WORDS = (ROWS * D8 + THREADS - 1u) / THREADS;
const NOWHERE = 0xffffffffu;
const HIDDEN = -1e30;

var<workgroup> pool: array<vec4<u32>, POOL>;
/** [LANES][ROWS] */
var<workgroup> peaks: array<f32, THREADS>;
var<workgroup> sums: array<f32, THREADS>;
var<workgroup> place: array<u32, ROWS>;
var<workgroup> scales: array<f32, ROWS>;
/** Lane of the team of 32. */
var<private> team_lane: u32;

fn scores_at(at: u32, first: u32, end: u32, masked: bool) -> vec4<f32> {
  let s = bitcast<vec4<f32>>(pool[at]);
  if (!masked) { return s; }
  return select(vec4<f32>(HIDDEN), s, vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(end));
}

@compute @workgroup_size(THREADS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  if (index >= args[3]) { return; }
  let tile = tiles[index / SHARES];
  let part = (index % SHARES) % PARTS;
  let slice = (index % SHARES) / PARTS;
  let begin = tile.y * BLOCK + part * KEYS;
  let limit = min(min(begin + KEYS, (tile.y + 1u) * BLOCK), params.start + params.rows);
  if (begin >= limit) { return; }
  let used = tile.w * GROUP_TILE;
  team_lane = lane % 32u;

  // Keys beyond the last one repeat it: they are masked, and must be finite. Rows beyond the last one repeat it, too.
  let base = tile.x / LISTS_PER_KV_HEAD * params.room * D8;
  var held_keys: array<vec4<u32>, KEY_WORDS>;
  var held_values: array<vec4<u32>, KEY_WORDS>;
  var held_rows: array<vec4<u32>, ROW_WORDS>;
  for (var i = 0u; i < KEY_WORDS; i++) {
    let e = lane + i * THREADS;
    held_keys[i] = k[base + min(begin + e / D8, limit - 1u) * D8 + e % D8];
  }
  for (var i = 0u; i < ROW_WORDS; i++) {
    let e = lane + i * THREADS;
    let query = pairs[tile.z + min(e / D8 / GROUP_TILE, tile.w - 1u)] / SLOTS;
    let head = min(slice * GROUP_TILE + e / D8 % GROUP_TILE, GROUP - 1u);
    held_rows[i] = q[((query * LISTS + tile.x) * GROUP + head) * D8 + e % D8];
  }
  if (EARLY_VALUES) {
    for (var i = 0u; i < KEY_WORDS; i++) {
      let e = lane + i * THREADS;
      held_values[i] = v[base + min(begin + e / D8, limit - 1u) * D8 + e % D8];
    }
  }

  // The row whose softmax this invocation shares.
  let row = lane % ROWS;
  let row_part = lane / ROWS;
  let head = slice * GROUP_TILE + row % GROUP_TILE;
  let pair = pairs[tile.z + min(row / GROUP_TILE, tile.w - 1u)];
  let end = min(limit, params.start + pair / SLOTS + 1u);
  let masked = limit < begin + KEYS || begin + KEYS > params.start + 1u;
  if (row_part == 0u) {
    let slot = (pair / SLOTS * LISTS + tile.x) * SLOTS + pair % SLOTS;
    place[row] = select(NOWHERE, (slot * PARTS + part) * GROUP + head, row < used && head < GROUP);
  }

  for (var i = 0u; i < KEY_WORDS; i++) {
    let e = lane + i * THREADS;
    if (KEYS * D8 % THREADS == 0u || e < KEYS * D8) { pool[e / D8 * OPERAND + e % D8] = held_keys[i]; }
  }
  for (var i = 0u; i < ROW_WORDS; i++) {
    let e = lane + i * THREADS;
    if (ROWS * D8 % THREADS == 0u || e < ROWS * D8) { pool[ROWS_AT + e / D8 * OPERAND + e % D8] = held_rows[i]; }
  }
  workgroupBarrier();

  // Sums of the team's first 16 rows are a0 .. a3, of its second ones b0 .. b3.
  let team = lane / 32u;
  let share = team % SPLIT;
  let first_row = team / SPLIT * 16u * ROW_TILES;
  let busy = first_row < used;
  let scoring = busy && share * KEY_SHARE < KEY_TILES;
  var a0 = no_sums();
  var a1 = no_sums();
  var a2 = no_sums();
  var a3 = no_sums();
  var b0 = no_sums();
  var b1 = no_sums();
  var b2 = no_sums();
  var b3 = no_sums();
  if (scoring) {
    let rows_at = ROWS_AT + first_row * OPERAND;
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
  }
  if (!EARLY_VALUES) {
    for (var i = 0u; i < KEY_WORDS; i++) {
      let e = lane + i * THREADS;
      held_values[i] = v[base + min(begin + e / D8, limit - 1u) * D8 + e % D8];
    }
  }
  workgroupBarrier();

  if (scoring) {
    let a = ROWS_AT + first_row * SCORES + 4u * share * KEY_SHARE;
    let b = a + 16u * SCORES;
    put_sums(a, SCORES, a0);
    if (KEY_SHARE > 1u) { put_sums(a + 4u, SCORES, a1); }
    if (KEY_SHARE > 2u) { put_sums(a + 8u, SCORES, a2); }
    if (KEY_SHARE > 3u) { put_sums(a + 12u, SCORES, a3); }
    if (ROW_TILES > 1u) {
      put_sums(b, SCORES, b0);
      if (KEY_SHARE > 1u) { put_sums(b + 4u, SCORES, b1); }
      if (KEY_SHARE > 2u) { put_sums(b + 8u, SCORES, b2); }
      if (KEY_SHARE > 3u) { put_sums(b + 12u, SCORES, b3); }
    }
  }
  for (var i = 0u; i < KEY_WORDS; i++) {
    let e = lane + i * THREADS;
    if (KEYS * D8 % THREADS == 0u || e < KEYS * D8) { pool[e / D8 * OPERAND + e % D8] = held_values[i]; }
  }
  workgroupBarrier();

  if (row < used) {
    var most = vec4<f32>(HIDDEN);
    for (var t = row_part; t < KEY_TILES; t += LANES) {
      let at = ROWS_AT + row * SCORES + 4u * t;
      for (var i = 0u; i < 4u; i++) { most = max(most, scores_at(at + i, begin + 16u * t + 4u * i, end, masked)); }
    }
    peaks[lane] = max(max(most.x, most.y), max(most.z, most.w));
  }
  workgroupBarrier();

  var peak = HIDDEN;
  if (row < used) {
    for (var i = 0u; i < LANES; i++) { peak = max(peak, peaks[i * ROWS + row]); }
    var total = vec4<f32>(0.0);
    for (var t = row_part; t < KEY_TILES; t += LANES) {
      let at = ROWS_AT + row * SCORES + 4u * t;
      let first = begin + 16u * t;
      let p0 = exp2(scores_at(at, first, end, masked) - peak);
      let p1 = exp2(scores_at(at + 1u, first + 4u, end, masked) - peak);
      let p2 = exp2(scores_at(at + 2u, first + 8u, end, masked) - peak);
      let p3 = exp2(scores_at(at + 3u, first + 12u, end, masked) - peak);
      total += (p0 + p1) + (p2 + p3);
      pool[at] = vec4<u32>(narrow(p0), narrow(p1));
      pool[at + 1u] = vec4<u32>(narrow(p2), narrow(p3));
    }
    sums[lane] = (total.x + total.y) + (total.z + total.w);
  }
  workgroupBarrier();

  if (row_part == 0u && row < used) {
    var total = 0.0;
    for (var i = 0u; i < LANES; i++) { total += sums[i * ROWS + row]; }
    scales[row] = 1.0 / total;
    let at = place[row];
    if (at != NOWHERE) { log_sums[at] = peak + log2(total); }
  }
  a0 = no_sums();
  a1 = no_sums();
  a2 = no_sums();
  a3 = no_sums();
  b0 = no_sums();
  b1 = no_sums();
  b2 = no_sums();
  b3 = no_sums();
  if (busy) {
    let rows_at = ROWS_AT + first_row * SCORES;
    let column = 2u * share * COLUMN_SHARE;
    for (var t = 0u; t < KEY_TILES; t++) {
      let x = left_tile(rows_at + 4u * t, SCORES);
      var y = x;
      if (ROW_TILES > 1u) { y = left_tile(rows_at + 16u * SCORES + 4u * t, SCORES); }
      let values_at = 16u * t * OPERAND + column;
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

  if (busy) {
    let a = first_row * OUTPUT + 4u * share * COLUMN_SHARE;
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
  }
  workgroupBarrier();

  for (var e = lane; e < used * D8; e += THREADS) {
    let at = place[e / D8];
    if (at != NOWHERE) {
      let from_word = e / D8 * OUTPUT + 2u * (e % D8);
      let scale = scales[e / D8];
      let low = bitcast<vec4<f32>>(pool[from_word]) * scale;
      let high = bitcast<vec4<f32>>(pool[from_word + 1u]) * scale;
      partials[at * D8 + e % D8] = vec4<u32>(narrow(low), narrow(high));
    }
  }
}
