// Causal attention of C queries over keys 0 .. t, one workgroup per ROWS rows of one KV head.
//
// A row is a (query, head of the group) pair; rows of a KV head are numbered c * G + g, so that a tile of keys and values
// serves the G heads of a group and any G fits. Row tiles run from the last (it sees most keys) to the first, those of
// one KV head next to each other, so that workgroups in flight read the same keys out of the cache.
//
//  1. the tile's queries, times log2(e) / sqrt(d), go to workgroup memory and stay;
//  2. for every tile of KEYS keys up to the last one visible to the last row:
//     a. the keys go to workgroup memory, row slot(key), so that lanes of a row read neighbouring slots;
//     b. every invocation forms ROWS_PER_THREAD x 4 QUADS logits. In f16 two sums run side by side (even and odd
//        columns) over QK_STEPS vectors, then both are added to f32;
//     c. logits of invisible keys become LOWEST (only in tiles that have any);
//     d. maxima of four keys each are folded by one invocation per row into the row's running maximum and the factor
//        exp2(old - new) by which all that was summed so far decays; here block scores are born (block_maxima.wgsl);
//     e. weights exp2(logit - maximum) go to workgroup memory; their f32 sum stays with the invocation, per its keys;
//     f. every invocation adds weights x values to its ROWS_PER_THREAD x 4 COLUMNS outputs; in f16 over CHUNK keys,
//        then to f32;
//  3. the sums of the TX invocations of a row are folded; outputs are divided and written.
//
// q, out [C, Hq, d] f32; k, v [Hkv, T, d] halves. A tile begins where a block or a KEYS-th part of it begins (`span` keys
// are a whole number of blocks, or one block, and take `tiles_per_span` tiles); without scores span = KEYS.
//
// Accuracy in f16: packed logits carry an error of about 2^-11 of the partial sums they are made of, so of 1e-3 where
// logits are around 1, of a percent where they spread over +-50, and they are useless at +-1000 (nothing overflows).

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<Half4>;
@group(0) @binding(3) var<storage, read> v: array<Half4>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

const LOWEST = -3.0e38;
const VECTORS = HEAD_DIM / 4u;
const TX = THREADS / (ROWS / ROWS_PER_THREAD);
const QUADS = KEYS / (4u * TX);
const COLUMNS = (VECTORS + TX - 1u) / TX;
const STRIDE = VECTORS + PAD;
const WEIGHT_STRIDE = KEYS / 4u + 1u;
const MAXIMA_STRIDE = ROWS + 1u;
const TILE = KEYS * VECTORS;
const LOADS = (TILE + THREADS - 1u) / THREADS;
const VALUES_AT = select(KEYS * STRIDE, 0u, SHARED);

var<workgroup> queries: array<Arith4, ROWS * STRIDE>;
var<workgroup> tile: array<Half4, select(2u, 1u, SHARED) * KEYS * STRIDE>;
var<workgroup> weights: array<Arith4, ROWS * WEIGHT_STRIDE>;
/// [quad of keys or TX][row]
var<workgroup> maxima: array<f32, KEYS / 4u * MAXIMA_STRIDE>;
var<workgroup> row_maximum: array<f32, ROWS>;
var<workgroup> row_factor: array<f32, ROWS>;

/// Where a key of the tile lies: lane tx of a row owns keys 4 tx .. 4 tx + 3 of every 4 TX.
fn slot(key: u32) -> u32 { return (key / (4u * TX) * 4u + key % 4u) * TX + key / 4u % TX; }

/// First key of tile i.
fn tile_begin(i: u32) -> u32 { return i / params.tiles_per_span * params.span + i % params.tiles_per_span * KEYS; }

/// Row of q and out, for row `row` of a KV head.
fn query_row(row: u32, head: u32) -> u32 {
  return (params.first + row / params.group) * (params.kv_heads * params.group) + head * params.group + row % params.group;
}

/// Keys begin .. begin + KEYS - 1 of a head's cache; those behind `last` repeat it and are masked later.
fn fetch_keys(head: u32, begin: u32, last: u32, lane: u32) -> array<Half4, LOADS> {
  var loaded: array<Half4, LOADS>;
  for (var i = 0u; i < LOADS; i++) {
    let e = min(i * THREADS + lane, TILE - 1u);
    loaded[i] = k[(head * params.room + min(begin + e / VECTORS, last)) * VECTORS + e % VECTORS];
  }
  return loaded;
}

fn place_keys(loaded: array<Half4, LOADS>, lane: u32) {
  for (var i = 0u; i < LOADS; i++) {
    let e = i * THREADS + lane;
    if (TILE % THREADS == 0u || e < TILE) { tile[slot(e / VECTORS) * STRIDE + e % VECTORS] = loaded[i]; }
  }
}

fn load_values(head: u32, begin: u32, last: u32, lane: u32) {
  for (var i = 0u; i < LOADS; i++) {
    let e = i * THREADS + lane;
    if (TILE % THREADS == 0u || e < TILE) {
      let key = e / VECTORS;
      let value = v[(head * params.room + min(begin + key, last)) * VECTORS + e % VECTORS];
      tile[VALUES_AT + key * STRIDE + e % VECTORS] = value;
    }
  }
}

fn sum_of(pair: vec2<Arith>) -> f32 { return f32(pair.x) + f32(pair.y); }

fn add_product(a: vec4<f32>, b: vec4<f32>, sum: f32) -> f32 {
  return fma(a.x, b.x, fma(a.y, b.y, fma(a.z, b.z, fma(a.w, b.w, sum))));
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
  let seen_by_all = params.start + first_row / params.group + 1u;
  let end = params.start + last_row / params.group + 1u;
  let tx = lane % TX;
  let own = lane / TX * ROWS_PER_THREAD;

  for (var e = lane; e < ROWS * VECTORS; e += THREADS) {
    let row = first_row + e / VECTORS;
    var value = vec4<f32>();
    if (row <= last_row) { value = q[query_row(row, head) * VECTORS + e % VECTORS] * params.scale; }
    queries[e / VECTORS * STRIDE + e % VECTORS] = round_arith(value);
  }

  var o: array<vec4<f32>, ROWS_PER_THREAD * COLUMNS>;
  var sums: array<f32, ROWS_PER_THREAD>;
  var highest = LOWEST;
  var ahead: array<Half4, LOADS>;
  if (PREFETCH) { ahead = fetch_keys(head, 0u, end - 1u, lane); }

  let tiles = end / params.span * params.tiles_per_span + (end % params.span + KEYS - 1u) / KEYS;
  for (var i = 0u; i < tiles; i++) {
    let begin = tile_begin(i);
    let to = min(min(begin + KEYS, (i / params.tiles_per_span + 1u) * params.span), end);
    if (PREFETCH) {
      place_keys(ahead, lane);
    } else {
      place_keys(fetch_keys(head, begin, end - 1u, lane), lane);
    }
    if (!SHARED) { load_values(head, begin, end - 1u, lane); }
    workgroupBarrier();

    var s = array<vec4<f32>, ROWS_PER_THREAD * QUADS>();
    for (var at = 0u; at < VECTORS; at += QK_STEPS) {
      if (PACK_KEYS) {
        var pairs = array<vec2<Arith>, ROWS_PER_THREAD * QUADS * 4u>();
        for (var step = 0u; step < QK_STEPS; step++) {
          var keys: array<Arith4, QUADS * 4u>;
          for (var n = 0u; n < QUADS * 4u; n++) { keys[n] = to_arith(tile[(n * TX + tx) * STRIDE + at + step]); }
          for (var r = 0u; r < ROWS_PER_THREAD; r++) {
            let query = queries[(own + r) * STRIDE + at + step];
            for (var n = 0u; n < QUADS * 4u; n++) {
              let sum = fma(query.xy, keys[n].xy, pairs[r * QUADS * 4u + n]);
              pairs[r * QUADS * 4u + n] = fma(query.zw, keys[n].zw, sum);
            }
          }
        }
        for (var n = 0u; n < ROWS_PER_THREAD * QUADS; n++) {
          s[n] += vec4<f32>(
            sum_of(pairs[4u * n]),
            sum_of(pairs[4u * n + 1u]),
            sum_of(pairs[4u * n + 2u]),
            sum_of(pairs[4u * n + 3u]),
          );
        }
      } else {
        for (var step = 0u; step < QK_STEPS; step++) {
          var keys: array<vec4<f32>, QUADS * 4u>;
          for (var n = 0u; n < QUADS * 4u; n++) { keys[n] = widen(tile[(n * TX + tx) * STRIDE + at + step]); }
          for (var r = 0u; r < ROWS_PER_THREAD; r++) {
            let query = vec4<f32>(queries[(own + r) * STRIDE + at + step]);
            for (var n = 0u; n < QUADS; n++) {
              let sum = s[r * QUADS + n];
              s[r * QUADS + n] = vec4<f32>(
                add_product(query, keys[4u * n], sum.x),
                add_product(query, keys[4u * n + 1u], sum.y),
                add_product(query, keys[4u * n + 2u], sum.z),
                add_product(query, keys[4u * n + 3u], sum.w),
              );
            }
          }
        }
      }
    }

    if (to - begin < KEYS || to > seen_by_all) {
      for (var r = 0u; r < ROWS_PER_THREAD; r++) {
        let limit = min(params.start + (first_row + own + r) / params.group, to - 1u);
        for (var n = 0u; n < QUADS; n++) {
          let key = vec4<u32>(begin + (n * TX + tx) * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
          s[r * QUADS + n] = select(vec4<f32>(LOWEST), s[r * QUADS + n], key <= vec4<u32>(limit));
        }
      }
    }
    for (var r = 0u; r < ROWS_PER_THREAD; r++) {
      for (var n = 0u; n < QUADS; n++) {
        let logits = s[r * QUADS + n];
        maxima[(n * TX + tx) * MAXIMA_STRIDE + own + r] = max(max(logits.x, logits.y), max(logits.z, logits.w));
      }
    }
    workgroupBarrier();

    if (SHARED) { load_values(head, begin, end - 1u, lane); }
    if (lane < ROWS) {
      var top = LOWEST;
      for (var n = 0u; n < KEYS / 4u; n++) { top = max(top, maxima[n * MAXIMA_STRIDE + lane]); }
      if (first_row + lane <= last_row) { keep_block_maxima(head, first_row + lane, lane, begin, to, top); }
      let raised = max(highest, top);
      row_maximum[lane] = raised;
      row_factor[lane] = exp2(highest - raised);
      highest = raised;
    }
    workgroupBarrier();

    for (var r = 0u; r < ROWS_PER_THREAD; r++) {
      let maximum = vec4<f32>(row_maximum[own + r]);
      let decay = row_factor[own + r];
      var sum = sums[r] * decay;
      for (var n = 0u; n < QUADS; n++) {
        let weight = exp2(s[r * QUADS + n] - maximum);
        sum += (weight.x + weight.y) + (weight.z + weight.w);
        weights[(own + r) * WEIGHT_STRIDE + n * TX + tx] = round_arith(weight);
      }
      sums[r] = sum;
      for (var j = 0u; j < COLUMNS; j++) { o[r * COLUMNS + j] *= decay; }
    }
    workgroupBarrier();

    if (PREFETCH && i + 1u < tiles) { ahead = fetch_keys(head, tile_begin(i + 1u), end - 1u, lane); }
    for (var chunk = 0u; chunk < KEYS / 4u; chunk += PV_STEPS) {
      if (PACK_VALUES) {
        var partial = array<Arith4, ROWS_PER_THREAD * COLUMNS>();
        for (var step = 0u; step < PV_STEPS; step++) {
          let quad = chunk + step;
          var four: array<Arith4, ROWS_PER_THREAD>;
          for (var r = 0u; r < ROWS_PER_THREAD; r++) { four[r] = weights[(own + r) * WEIGHT_STRIDE + quad]; }
          for (var j = 0u; j < COLUMNS; j++) {
            let at = VALUES_AT + quad * 4u * STRIDE + min(tx + TX * j, VECTORS - 1u);
            let v0 = to_arith(tile[at]);
            let v1 = to_arith(tile[at + STRIDE]);
            let v2 = to_arith(tile[at + 2u * STRIDE]);
            let v3 = to_arith(tile[at + 3u * STRIDE]);
            for (var r = 0u; r < ROWS_PER_THREAD; r++) {
              var sum = fma(Arith4(four[r].x), v0, partial[r * COLUMNS + j]);
              sum = fma(Arith4(four[r].y), v1, sum);
              sum = fma(Arith4(four[r].z), v2, sum);
              partial[r * COLUMNS + j] = fma(Arith4(four[r].w), v3, sum);
            }
          }
        }
        for (var n = 0u; n < ROWS_PER_THREAD * COLUMNS; n++) { o[n] += vec4<f32>(partial[n]); }
      } else {
        for (var step = 0u; step < PV_STEPS; step++) {
          let quad = chunk + step;
          var four: array<vec4<f32>, ROWS_PER_THREAD>;
          for (var r = 0u; r < ROWS_PER_THREAD; r++) {
            four[r] = vec4<f32>(weights[(own + r) * WEIGHT_STRIDE + quad]);
          }
          for (var j = 0u; j < COLUMNS; j++) {
            let at = VALUES_AT + quad * 4u * STRIDE + min(tx + TX * j, VECTORS - 1u);
            let v0 = widen(tile[at]);
            let v1 = widen(tile[at + STRIDE]);
            let v2 = widen(tile[at + 2u * STRIDE]);
            let v3 = widen(tile[at + 3u * STRIDE]);
            for (var r = 0u; r < ROWS_PER_THREAD; r++) {
              var sum = fma(vec4<f32>(four[r].x), v0, o[r * COLUMNS + j]);
              sum = fma(vec4<f32>(four[r].y), v1, sum);
              sum = fma(vec4<f32>(four[r].z), v2, sum);
              o[r * COLUMNS + j] = fma(vec4<f32>(four[r].w), v3, sum);
            }
          }
        }
      }
    }
    workgroupBarrier();
  }

  for (var r = 0u; r < ROWS_PER_THREAD; r++) { maxima[tx * MAXIMA_STRIDE + own + r] = sums[r]; }
  workgroupBarrier();
  if (lane < ROWS) {
    var total = 0.0;
    for (var n = 0u; n < TX; n++) { total += maxima[n * MAXIMA_STRIDE + lane]; }
    row_factor[lane] = 1.0 / total;
    if (first_row + lane <= last_row) { keep_statistics(head, first_row + lane, highest, 1.0 / total); }
  }
  workgroupBarrier();
  for (var r = 0u; r < ROWS_PER_THREAD; r++) {
    let row = first_row + own + r;
    if (row > last_row) { break; }
    for (var j = 0u; j < COLUMNS; j++) {
      let column = tx + TX * j;
      if (VECTORS % TX == 0u || column < VECTORS) {
        out[query_row(row, head) * VECTORS + column] = o[r * COLUMNS + j] * row_factor[own + r];
      }
    }
  }
}
