// Block-sparse attention, block outer: one workgroup per tile = (list, block, up to QUERIES queries that chose it) and
// share of it (KEYS keys of the block, GROUP_TILE query heads of the list; one share where both fit). Its keys and
// values are read once for all of its ROWS = queries x heads. A query has a list per KV head, which all heads of the group
// read, or one per query head.
//
//  1. tables: where each row's q lies, how many keys it may see, where its partial result goes;
//  2. S = q K^T, DEPTH columns of d at a time: q (times log2(e) / sqrt(d)) and K go to workgroup memory transposed, eight
//     rows or keys in an octet; every invocation sums 8 rows x 8 keys in registers as outer products of octets;
//  3. row maxima over the KEYS by way of workgroup memory, P = exp2(S - max), masked keys 0, row sums; P takes q's place;
//  4. O = P V in the same way, KEYS columns of d at a time, DEPTH keys at a time;
//  5. O / row sum goes to the pair's own place, with log2 of the sum of exp2: merge_partials puts them together.
//
// Octets lie in workgroup memory as [term][group of eight], the group's bits mixed with bits of the term, so that eight
// invocations that write different terms hit different banks. A warp covers 32 rows and all keys: rows beyond the tile's
// last query cost no products.
//
// q f32 [C, Hq, d]; k, v halves [Hkv, room, d]; pairs, tiles, args: see plan_scatter and plan_cut;
// partials [C, lists, slots, PARTS, G, d rounded up to 8], 16 bit or f32; log_sums f32 [C, lists, slots, PARTS, G].

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<Half4>;
@group(0) @binding(3) var<storage, read> v: array<Half4>;
@group(0) @binding(4) var<storage, read> pairs: array<u32>;
@group(0) @binding(5) var<storage, read> tiles: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read> args: array<u32>;
@group(0) @binding(7) var<storage, read_write> partials: array<vec4<u32>>;
@group(0) @binding(8) var<storage, read_write> log_sums: array<f32>;

/** Groups of eight rows, keys; an invocation has one of each. */
const RG = ROWS / 8u;
const KG = KEYS / 8u;
const THREADS = RG * KG;
const ROW_LANES = min(RG, 4u);
/** Row groups, key groups and terms in fours are powers of two: masks mix their bits. */
const LEFT_MASK = min(RG, 8u) - 1u;
const RIGHT_MASK = min(KG, 8u) - 1u;
const D4 = HEAD_DIM / 4u;
const D8 = (HEAD_DIM + 7u) / 8u;
const NOWHERE = 0xffffffffu;
const HIDDEN = -1e30;

/** q^T, then P^T: [DEPTH or KEYS][RG]. */
var<workgroup> left: array<Octet, max(DEPTH, KEYS) * RG>;
/** K^T: [DEPTH][KG], then V: [DEPTH][KG]. */
var<workgroup> right: array<Octet, DEPTH * KG>;
/** Per key group: maxima, then sums, of four rows. [2][KG][RG] */
var<workgroup> folds: array<vec4<f32>, 2u * KG * RG>;
var<workgroup> query_at: array<u32, ROWS>;
var<workgroup> visible: array<u32, ROWS>;
var<workgroup> place: array<u32, ROWS>;

/** The octet of terms 4 k4 (and RG, KG further on each the next), group g. */
fn left_at(k4: u32, g: u32) -> u32 { return 4u * k4 * RG + (g ^ (k4 & LEFT_MASK)); }
fn right_at(k4: u32, g: u32) -> u32 { return 4u * k4 * KG + (g ^ (k4 & RIGHT_MASK)); }

/** Eight rows of four terms become four terms of eight rows. */
fn turned(x: array<Arith4, 8>) -> array<Octet, 4> {
  let low = transpose(mat4x4<Arith>(x[0], x[1], x[2], x[3]));
  let high = transpose(mat4x4<Arith>(x[4], x[5], x[6], x[7]));
  return array<Octet, 4>(
    octet(low[0], high[0]), octet(low[1], high[1]), octet(low[2], high[2]), octet(low[3], high[3]));
}

fn put_left(k4: u32, g: u32, x: array<Arith4, 8>) {
  let at = left_at(k4, g);
  let terms = turned(x);
  left[at] = terms[0];
  left[at + RG] = terms[1];
  left[at + 2u * RG] = terms[2];
  left[at + 3u * RG] = terms[3];
}

fn put_right(k4: u32, g: u32, x: array<Arith4, 8>) {
  let at = right_at(k4, g);
  let terms = turned(x);
  right[at] = terms[0];
  right[at + KG] = terms[1];
  right[at + 2u * KG] = terms[2];
  right[at + 3u * KG] = terms[3];
}

/** Step 1. `tile`: list, block, first pair, pairs. */
fn fill_tables(lane: u32, tile: vec4<u32>, part: u32, slice: u32, key_end: u32) {
  for (var row = lane; row < ROWS; row += THREADS) {
    let wanted = slice * GROUP_TILE + row % GROUP_TILE;
    let within = row / GROUP_TILE < tile.w && wanted < GROUP;
    let pair = pairs[tile.z + min(row / GROUP_TILE, tile.w - 1u)];
    let head = min(wanted, GROUP - 1u);
    let query = pair / SLOTS;
    query_at[row] = (query * LISTS * GROUP + tile.x * GROUP + head) * D4;
    visible[row] = min(key_end, params.start + query + 1u);
    let slot = (query * LISTS + tile.x) * SLOTS + pair % SLOTS;
    place[row] = select(NOWHERE, (slot * PARTS + part) * GROUP + head, within);
  }
}

/** Columns 4 d4 .. of q, DEPTH of them, for the row groups in use. */
fn load_queries(lane: u32, d4: u32, used: u32) {
  for (var i = lane; i < RG * (DEPTH / 4u); i += THREADS) {
    let k4 = i % (DEPTH / 4u);
    let g = i / (DEPTH / 4u);
    if (g * 8u >= used) { continue; }
    var x = array<Arith4, 8>();
    if (d4 + k4 < D4) {
      for (var j = 0u; j < 8u; j++) { x[j] = round_arith(q[query_at[g * 8u + j] + d4 + k4] * params.scale); }
    }
    put_left(k4, g, x);
  }
}

/** The same columns of K. Keys beyond the last repeat it; they are masked. */
fn load_keys(lane: u32, d4: u32, base: u32, begin: u32, limit: u32) {
  for (var i = lane; i < KG * (DEPTH / 4u); i += THREADS) {
    let k4 = i % (DEPTH / 4u);
    let g = i / (DEPTH / 4u);
    var x = array<Arith4, 8>();
    if (d4 + k4 < D4) {
      for (var j = 0u; j < 8u; j++) { x[j] = to_arith(k[base + min(begin + g * 8u + j, limit - 1u) * D4 + d4 + k4]); }
    }
    put_right(k4, g, x);
  }
}

/** DEPTH keys of V from `begin` on, columns 8 d8 .. 8 d8 + KEYS - 1; beyond the last key or column they repeat it. */
fn load_values(lane: u32, d8: u32, base: u32, begin: u32, limit: u32) {
  for (var i = lane; i < DEPTH * KG; i += THREADS) {
    let key = i / KG;
    let g = i % KG;
    let at = base + min(begin + key, limit - 1u) * D4;
    let d4 = 2u * (d8 + g);
    right[right_at(key / 4u, g) + (key % 4u) * KG] =
      octet_of_halves(v[at + min(d4, D4 - 1u)], v[at + min(d4 + 1u, D4 - 1u)]);
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
  let begin = tile.y * BLOCK + part * KEYS;
  let limit = min(min(begin + KEYS, (tile.y + 1u) * BLOCK), params.start + params.rows);
  if (begin >= limit) { return; }
  let base = tile.x / LISTS_PER_KV_HEAD * params.room * D4;
  let used = tile.w * GROUP_TILE;
  let rg = lane % ROW_LANES + lane / (ROW_LANES * KG) * ROW_LANES;
  let kg = lane / ROW_LANES % KG;
  let busy = rg * 8u < used;

  fill_tables(lane, tile, part, slice, limit);
  workgroupBarrier();

  var products = array<vec4<f32>, 16>();
  for (var d4 = 0u; d4 < D4; d4 += DEPTH / 4u) {
    if (d4 > 0u) { workgroupBarrier(); }
    load_queries(lane, d4, used);
    load_keys(lane, d4, base, begin, limit);
    workgroupBarrier();
    if (busy) { multiply(&products, 0u, rg, kg); }
  }

  let own = kg * RG + rg;
  var peaks = array<vec4<f32>, 2>();
  for (var h = 0u; h < 2u; h++) {
    for (var i = 0u; i < 4u; i++) {
      let end = vec4<u32>(visible[rg * 8u + h * 4u + i]);
      let first = vec4<u32>(begin + kg * 8u) + vec4<u32>(0u, 1u, 2u, 3u);
      let n = 2u * (h * 4u + i);
      let low = select(vec4<f32>(HIDDEN), products[n], first < end);
      let high = select(vec4<f32>(HIDDEN), products[n + 1u], first + 4u < end);
      products[n] = low;
      products[n + 1u] = high;
      let most = max(low, high);
      peaks[h][i] = max(max(most.x, most.y), max(most.z, most.w));
    }
    folds[h * KG * RG + own] = peaks[h];
  }
  workgroupBarrier();

  load_values(lane, 0u, base, begin, limit);
  for (var h = 0u; h < 2u; h++) {
    for (var g = 0u; g < KG; g++) { peaks[h] = max(peaks[h], folds[(h * KG + g) * RG + rg]); }
  }
  workgroupBarrier();
  if (busy) {
    for (var h = 0u; h < 2u; h++) {
      var total = vec4<f32>(0.0);
      for (var i = 0u; i < 4u; i++) {
        let n = 2u * (h * 4u + i);
        products[n] = exp2(products[n] - peaks[h][i]);
        products[n + 1u] = exp2(products[n + 1u] - peaks[h][i]);
        total[i] = dot(products[n] + products[n + 1u], vec4<f32>(1.0));
      }
      folds[h * KG * RG + own] = total;
    }
    var low: array<Arith4, 8>;
    var high: array<Arith4, 8>;
    for (var i = 0u; i < 8u; i++) {
      low[i] = round_arith(products[2u * i]);
      high[i] = round_arith(products[2u * i + 1u]);
    }
    put_left(kg * 2u, rg, low);
    put_left(kg * 2u + 1u, rg, high);
  }
  workgroupBarrier();

  var inverse = array<vec4<f32>, 2>();
  if (busy) {
    for (var h = 0u; h < 2u; h++) {
      var total = vec4<f32>(0.0);
      for (var g = 0u; g < KG; g++) { total += folds[(h * KG + g) * RG + rg]; }
      inverse[h] = 1.0 / total;
      if (kg == 0u) {
        let log_sum = peaks[h] + log2(total);
        for (var i = 0u; i < 4u; i++) {
          let at = place[rg * 8u + h * 4u + i];
          if (at != NOWHERE) { log_sums[at] = log_sum[i]; }
        }
      }
    }
  }

  for (var d8 = 0u; d8 < D8; d8 += KG) {
    for (var i = 0u; i < 16u; i++) { products[i] = vec4<f32>(0.0); }
    for (var key = 0u; key < KEYS; key += DEPTH) {
      if (d8 + key > 0u) {
        workgroupBarrier();
        load_values(lane, d8, base, begin + key, limit);
        workgroupBarrier();
      }
      if (busy) { multiply(&products, key, rg, kg); }
    }
    if (busy && d8 + kg < D8) {
      for (var i = 0u; i < 8u; i++) {
        let at = place[rg * 8u + i];
        if (at != NOWHERE) {
          let low = products[2u * i] * inverse[i / 4u][i % 4u];
          let high = products[2u * i + 1u] * inverse[i / 4u][i % 4u];
          if (WIDE_PARTIALS) {
            partials[(at * D8 + d8 + kg) * 2u] = bitcast<vec4<u32>>(low);
            partials[(at * D8 + d8 + kg) * 2u + 1u] = bitcast<vec4<u32>>(high);
          } else {
            partials[at * D8 + d8 + kg] = vec4<u32>(narrow(low), narrow(high));
          }
        }
      }
    }
  }
}
