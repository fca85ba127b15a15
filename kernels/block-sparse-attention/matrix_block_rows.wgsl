// Block-sparse attention on matrix units, block outer: one workgroup per tile of the plan = (list, block, queries that
// chose it) and share of it (KEYS keys of the block, GROUP_TILE query heads). K and V stay in the matrix units' registers
// while all rows (query, head) of the tile pass by, ROWS at a time. The block is all there is, so the softmax is exact and
// nothing is rescaled. Of the four teams of 32, each holds 16 keys of all columns (fewer than 64 keys: teams share them and
// have rows of their own) and COLUMN_SHARE x 16 columns of all values.
//
//  1. the tile's pairs go to workgroup memory; K, then V through it to the teams' registers; then the first rows of q;
//  2. for every ROWS rows, each phase in a place of its own in workgroup memory:
//     a. the next rows of q are asked for (AHEAD: else in c); S = q K^T (f32);                                  barrier
//     b. LANES invocations per row find its maximum over the KEYS and the sum of P = exp2(S - max), masked keys 0; P / sum
//        takes the place of S in 16 bit, the P of 16 keys the first half of the place of their S;
//     c. the next rows of q go to workgroup memory;                                                             barrier
//     d. O = P V (f32);                                                                                         barrier
//     e. O goes to the pairs' own places in 16 bit, with max + log2(sum): merge_partials puts them together. No barrier
//        follows: what the next a. writes is not read here.
//
// Rows of workgroup memory are one word longer than their contents, those of O two, against bank conflicts.
//
// q halves [C, Hq, d], scaled (matrix_scale_queries); k, v halves [Hkv, room, d]; d a multiple of 16, at most 128; pairs,
// tiles, args: see plan_scatter and plan_cut; partials halves [C, Hkv, slots, PARTS, G, d]; log_sums f32 [C, Hkv, slots,
// PARTS, G].

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
const TEAMS = 4u;
const THREADS = 32u * TEAMS;
const KEY_TILES = KEYS / 16u;
/** Tiles of columns that a team has: one or two. */
const COLUMN_SHARE = (D16 + TEAMS - 1u) / TEAMS;
/** Rows that a team multiplies at a time, and how many times that is ROWS. */
const STEP = select(16u, 32u, PAIRED);
const STEPS = ROWS / STEP;
/** Of the softmax: invocations per row, rows per team, tiles of keys per invocation. */
const LANES = THREADS / ROWS;
const SPAN = 32u / LANES;
const KEY_SHARE = (KEY_TILES + LANES - 1u) / LANES;
/** Words between rows: of q, K and V; of S and P; of O. */
const OPERAND = 2u * D16 + 1u;
const SCORES = 4u * KEY_TILES + 1u;
const OUTPUT = 4u * D16 + 2u;
/** Where S and O lie. q lies at 0, in the beginning K, then V. */
const SCORES_AT = ROWS * OPERAND;
const OUTPUT_AT = SCORES_AT + ROWS * SCORES;
const POOL = max(KEYS * OPERAND, OUTPUT_AT + ROWS * OUTPUT);
const KEY_WORDS = (KEYS * D8 + THREADS - 1u) / THREADS;
const ROW_WORDS = (ROWS * D8 + THREADS - 1u) / THREADS;
const NOWHERE = 0xffffffffu;
const HIDDEN = -1e30;

var<workgroup> pool: array<vec4<u32>, POOL>;
/** The tile's pairs. */
var<workgroup> listed: array<u32, QUERIES>;
/** Of each row: where its partial result goes. */
var<workgroup> place: array<u32, ROWS>;
var<private> team_lane: u32;
/** Of the keys: the head's place in the cache in words, the first one, and the end of those that there are. */
var<private> cache_at: u32;
var<private> begin: u32;
var<private> limit: u32;

alias HeldWords = array<vec4<u32>, KEY_WORDS>;
alias RowWords = array<vec4<u32>, ROW_WORDS>;
/** K's 16 keys by tiles of columns; V's tiles of keys, two of columns each. Only ever indexed by constants. */
alias EightHeld = array<Held, 8>;
/** S of one or two tiles of rows. */
alias Scores = array<Sums, 2>;
/** O of one or two tiles of rows, two of columns each. */
alias Outputs = array<Sums, 4>;

/** Word e of the block's keys or values; those beyond the last one repeat it: they are masked, and must be finite. */
fn cached_word(e: u32) -> u32 { return cache_at + min(begin + e / D8, limit - 1u) * D8 + e % D8; }

fn put_held(words: ptr<function, HeldWords>, lane: u32) {
  for (var i = 0u; i < KEY_WORDS; i++) {
    let e = lane + i * THREADS;
    if (KEYS * D8 % THREADS == 0u || e < KEYS * D8) { pool[e / D8 * OPERAND + e % D8] = (*words)[i]; }
  }
}

/** This invocation's words of the rows from `first` on; rows beyond the last one repeat it. */
fn fetch_rows(tile: vec4<u32>, slice: u32, first: u32, lane: u32) -> RowWords {
  var words: RowWords;
  for (var i = 0u; i < ROW_WORDS; i++) {
    let e = lane + i * THREADS;
    let row = min(first + e / D8, tile.w * GROUP_TILE - 1u);
    let query = listed[row / GROUP_TILE] / SLOTS;
    let head = min(slice * GROUP_TILE + row % GROUP_TILE, GROUP - 1u);
    words[i] = q[((query * LISTS + tile.x) * GROUP + head) * D8 + e % D8];
  }
  return words;
}

fn put_rows(words: ptr<function, RowWords>, lane: u32) {
  for (var i = 0u; i < ROW_WORDS; i++) {
    let e = lane + i * THREADS;
    if (ROWS * D8 % THREADS == 0u || e < ROWS * D8) { pool[e / D8 * OPERAND + e % D8] = (*words)[i]; }
  }
}

fn add_columns(at: u32, keys: Held, s: ptr<function, Scores>) {
  (*s)[0] = add_turned(left_tile(at, OPERAND), keys, (*s)[0]);
  if (PAIRED) { (*s)[1] = add_turned(left_tile(at + 16u * OPERAND, OPERAND), keys, (*s)[1]); }
}

fn add_values(at: u32, one: Held, other: Held, o: ptr<function, Outputs>) {
  let x = left_tile(at, SCORES);
  (*o)[0] = add_product(x, one, (*o)[0]);
  if (COLUMN_SHARE > 1u) { (*o)[1] = add_product(x, other, (*o)[1]); }
  if (PAIRED) {
    let y = left_tile(at + 16u * SCORES, SCORES);
    (*o)[2] = add_product(y, one, (*o)[2]);
    if (COLUMN_SHARE > 1u) { (*o)[3] = add_product(y, other, (*o)[3]); }
  }
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
  let block_part = tile.y * BLOCK + part * KEYS;
  let block_end = min(min(block_part + KEYS, (tile.y + 1u) * BLOCK), params.start + params.rows);
  if (block_part >= block_end) { return; }
  let used = tile.w * GROUP_TILE;
  let team = lane / 32u;
  team_lane = lane % 32u;
  cache_at = tile.x / LISTS_PER_KV_HEAD * params.room * D8;
  begin = block_part;
  limit = block_end;

  var words: HeldWords;
  var value_words: HeldWords;
  for (var i = 0u; i < KEY_WORDS; i++) { words[i] = k[cached_word(lane + i * THREADS)]; }
  for (var i = 0u; i < KEY_WORDS; i++) { value_words[i] = v[cached_word(lane + i * THREADS)]; }
  for (var i = lane; i < tile.w; i += THREADS) { listed[i] = pairs[tile.z + i]; }
  workgroupBarrier();
  var next = fetch_rows(tile, slice, 0u, lane);

  let key_tile = team % KEY_TILES;
  let first_step = team / KEY_TILES;
  let column = team * COLUMN_SHARE;
  let second = COLUMN_SHARE > 1u && column + 1u < D16;
  put_held(&words, lane);
  workgroupBarrier();
  var keys = EightHeld();
  let keys_at = key_tile * 16u * OPERAND;
  keys[0] = held_turned(keys_at);
  if (D16 > 1u) { keys[1] = held_turned(keys_at + 2u); }
  if (D16 > 2u) { keys[2] = held_turned(keys_at + 4u); }
  if (D16 > 3u) { keys[3] = held_turned(keys_at + 6u); }
  if (D16 > 4u) { keys[4] = held_turned(keys_at + 8u); }
  if (D16 > 5u) { keys[5] = held_turned(keys_at + 10u); }
  if (D16 > 6u) { keys[6] = held_turned(keys_at + 12u); }
  if (D16 > 7u) { keys[7] = held_turned(keys_at + 14u); }
  workgroupBarrier();
  put_held(&value_words, lane);
  workgroupBarrier();
  // Teams without columns, or without a second tile of them, hold some that they never store.
  var values = EightHeld();
  let one = 2u * min(column, D16 - 1u);
  let other = 2u * min(column + 1u, D16 - 1u);
  values[0] = held(one);
  if (COLUMN_SHARE > 1u) { values[1] = held(other); }
  if (KEY_TILES > 1u) {
    values[2] = held(16u * OPERAND + one);
    if (COLUMN_SHARE > 1u) { values[3] = held(16u * OPERAND + other); }
  }
  if (KEY_TILES > 2u) {
    values[4] = held(32u * OPERAND + one);
    if (COLUMN_SHARE > 1u) { values[5] = held(32u * OPERAND + other); }
  }
  if (KEY_TILES > 3u) {
    values[6] = held(48u * OPERAND + one);
    if (COLUMN_SHARE > 1u) { values[7] = held(48u * OPERAND + other); }
  }
  workgroupBarrier();
  put_rows(&next, lane);
  workgroupBarrier();

  // The row whose softmax this invocation shares, and its share.
  let row = team * SPAN + team_lane % SPAN;
  let lane_of_row = team_lane / SPAN;
  let masked = limit < begin + KEYS || begin + KEYS > params.start + 1u;
  for (var first = 0u; first < used; first += ROWS) {
    let count = min(ROWS, used - first);
    let more = first + ROWS < used;
    if (AHEAD && more) { next = fetch_rows(tile, slice, first + ROWS, lane); }
    let tile_row = min(first + row, used - 1u);
    let pair = listed[tile_row / GROUP_TILE];

    for (var step = first_step; step < STEPS && step * STEP < count; step += TEAMS / KEY_TILES) {
      var s: Scores;
      s[0] = no_sums();
      s[1] = no_sums();
      let at = step * STEP * OPERAND;
      add_columns(at, keys[0], &s);
      if (D16 > 1u) { add_columns(at + 2u, keys[1], &s); }
      if (D16 > 2u) { add_columns(at + 4u, keys[2], &s); }
      if (D16 > 3u) { add_columns(at + 6u, keys[3], &s); }
      if (D16 > 4u) { add_columns(at + 8u, keys[4], &s); }
      if (D16 > 5u) { add_columns(at + 10u, keys[5], &s); }
      if (D16 > 6u) { add_columns(at + 12u, keys[6], &s); }
      if (D16 > 7u) { add_columns(at + 14u, keys[7], &s); }
      let to = SCORES_AT + step * STEP * SCORES + 4u * key_tile;
      put_sums(to, SCORES, s[0]);
      if (PAIRED) { put_sums(to + 16u * SCORES, SCORES, s[1]); }
    }
    workgroupBarrier();

    let end = min(limit, params.start + pair / SLOTS + 1u);
    let scores_at = SCORES_AT + row * SCORES;
    var s: array<vec4<f32>, 4u * KEY_SHARE>;
    var most = vec4<f32>(HIDDEN);
    for (var n = 0u; n < KEY_SHARE; n++) {
      let t = lane_of_row + n * LANES;
      for (var i = 0u; i < 4u; i++) {
        var four = vec4<f32>(HIDDEN);
        if (t < KEY_TILES) {
          four = bitcast<vec4<f32>>(pool[scores_at + 4u * t + i]);
          if (masked) {
            let key = vec4<u32>(begin + 16u * t + 4u * i) + vec4<u32>(0u, 1u, 2u, 3u);
            four = select(vec4<f32>(HIDDEN), four, key < vec4<u32>(end));
          }
        }
        s[4u * n + i] = four;
        most = max(most, four);
      }
    }
    let peak = row_maximum(max(max(most.x, most.y), max(most.z, most.w)), lane);
    var sum = vec4<f32>(0.0);
    for (var n = 0u; n < 4u * KEY_SHARE; n++) {
      s[n] = exp2(s[n] - peak);
      if (lane_of_row + n / 4u * LANES < KEY_TILES) { sum += s[n]; }
    }
    let total = row_total((sum.x + sum.y) + (sum.z + sum.w), lane);
    let scale = 1.0 / total;
    for (var n = 0u; n < KEY_SHARE; n++) {
      let t = lane_of_row + n * LANES;
      if (t < KEY_TILES) {
        pool[scores_at + 4u * t] = vec4<u32>(narrow(s[4u * n] * scale), narrow(s[4u * n + 1u] * scale));
        pool[scores_at + 4u * t + 1u] = vec4<u32>(narrow(s[4u * n + 2u] * scale), narrow(s[4u * n + 3u] * scale));
      }
    }
    if (lane_of_row == 0u) {
      let head = slice * GROUP_TILE + tile_row % GROUP_TILE;
      let slot = (pair / SLOTS * LISTS + tile.x) * SLOTS + pair % SLOTS;
      let at = select(NOWHERE, (slot * PARTS + part) * GROUP + head, row < count && head < GROUP);
      place[row] = at;
      if (at != NOWHERE) { log_sums[at] = peak + log2(total); }
    }
    if (!AHEAD && more) { next = fetch_rows(tile, slice, first + ROWS, lane); }
    if (more) { put_rows(&next, lane); }
    workgroupBarrier();

    for (var step = 0u; step < STEPS && step * STEP < count; step++) {
      var o: Outputs;
      o[0] = no_sums();
      o[1] = no_sums();
      o[2] = no_sums();
      o[3] = no_sums();
      let at = SCORES_AT + step * STEP * SCORES;
      add_values(at, values[0], values[1], &o);
      if (KEY_TILES > 1u) { add_values(at + 4u, values[2], values[3], &o); }
      if (KEY_TILES > 2u) { add_values(at + 8u, values[4], values[5], &o); }
      if (KEY_TILES > 3u) { add_values(at + 12u, values[6], values[7], &o); }
      let to = OUTPUT_AT + step * STEP * OUTPUT + 4u * column;
      if (column < D16) {
        put_sums(to, OUTPUT, o[0]);
        if (PAIRED) { put_sums(to + 16u * OUTPUT, OUTPUT, o[2]); }
      }
      if (second) {
        put_sums(to + 4u, OUTPUT, o[1]);
        if (PAIRED) { put_sums(to + 16u * OUTPUT + 4u, OUTPUT, o[3]); }
      }
    }
    workgroupBarrier();

    for (var i = 0u; i < ROW_WORDS; i++) {
      let e = lane + i * THREADS;
      if (e < count * D8) {
        let at = place[e / D8];
        if (at != NOWHERE) {
          // Every other four invocations begin with the second half, so that eight read from all banks.
          let turn = e / 4u % 2u;
          let word = OUTPUT_AT + e / D8 * OUTPUT + 2u * (e % D8);
          let x = narrow(bitcast<vec4<f32>>(pool[word + turn]));
          let y = narrow(bitcast<vec4<f32>>(pool[word + 1u - turn]));
          partials[at * D8 + e % D8] = select(vec4<u32>(x, y), vec4<u32>(y, x), turn == 1u);
        }
      }
    }
  }
}
