// y = x W^T for many rows: a workgroup makes a tile of y, every invocation a smaller one in its registers.
//
//  1. SLICE columns of TILE_ROWS rows of x and of TILE_OUTPUTS rows of W go to workgroup memory in the arithmetic's type,
//     read from memory 16 bytes at a time; with PREFETCH the next slice is read into registers while this one is used;
//  2. both operands lie along K, so a row of the tile is QUADS vectors of four and one of padding: eight invocations that
//     read one vector each of eight rows touch all banks once, and nothing is transposed;
//  3. an invocation owns rows THREADS_Y apart and outputs THREADS_X apart. Eight neighbours share their rows, and read
//     them as one broadcast: patches of 8 x 4 invocations;
//  4. f32: products are added to the sums directly. f16 (IN_PARTS): in pairs along K, so that one instruction makes two
//     products; after PART columns, 16 terms in each half of a pair, the pairs are added to the f32 sums;
//  5. ragged rows and outputs are computed on the last row or output there is and not written; columns beyond K are zero.
//
// Workgroups go along M inside bands of BAND tiles, then along N, then to the next band: W streams through the cache
// once per band while the band's rows of x stay there.
//
// x [M, K], y and residual [M, N]: f32; W [N, K] halves. K a multiple of 4.

@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

const THREADS_X = TILE_OUTPUTS / OUTPUTS_EACH;
const THREADS_Y = TILE_ROWS / ROWS_EACH;
const THREADS = THREADS_X * THREADS_Y;
const PATCHES = THREADS_X / 8u;

const QUADS = SLICE / 4u;
const STRIDE = QUADS + 1u;
const ALL_QUADS = INPUTS / 4u;
const SLICES = (INPUTS + SLICE - 1u) / SLICE;
const RAGGED = INPUTS % SLICE != 0u;

// Loads of one slice: four values of x, eight weights.
const X_VECTORS = TILE_ROWS * QUADS;
const X_LOADS = (X_VECTORS + THREADS - 1u) / THREADS;
const EIGHTHS = QUADS / 2u;
const W_VECTORS = TILE_OUTPUTS * EIGHTHS;
const W_LOADS = (W_VECTORS + THREADS - 1u) / THREADS;

const EACH = ROWS_EACH * OUTPUTS_EACH;
// Columns whose products may be added up in halves of a pair: 16 in each.
const PART = 32u;
const SLICES_PER_PART = PART / SLICE;

var<workgroup> tile_x: array<Arith4, TILE_ROWS * STRIDE>;
var<workgroup> tile_w: array<Arith4, TILE_OUTPUTS * STRIDE>;

fn load_x(first_row: u32, slice: u32, vector: u32) -> vec4<f32> {
  if (X_VECTORS % THREADS != 0u && vector >= X_VECTORS) { return vec4<f32>(); }
  let quad = slice * QUADS + vector % QUADS;
  if (RAGGED && quad >= ALL_QUADS) { return vec4<f32>(); }
  return x[min(first_row + vector / QUADS, params.rows - 1u) * ALL_QUADS + quad];
}

fn load_w(first_output: u32, slice: u32, vector: u32) -> vec4<u32> {
  if (W_VECTORS % THREADS != 0u && vector >= W_VECTORS) { return vec4<u32>(); }
  let eighth = slice * EIGHTHS + vector % EIGHTHS;
  if (RAGGED && 2u * eighth >= ALL_QUADS) { return vec4<u32>(); }
  return load_weights(min(first_output + vector / EIGHTHS, OUTPUTS - 1u), eighth);
}

fn store_x(vector: u32, values: vec4<f32>) {
  if (X_VECTORS % THREADS != 0u && vector >= X_VECTORS) { return; }
  tile_x[vector / QUADS * STRIDE + vector % QUADS] = round_arith(values);
}

fn store_w(vector: u32, values: vec4<u32>) {
  if (W_VECTORS % THREADS != 0u && vector >= W_VECTORS) { return; }
  let at = vector / EIGHTHS * STRIDE + vector % EIGHTHS * 2u;
  tile_w[at] = to_arith(values.xy);
  tile_w[at + 1u] = to_arith(values.zw);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let first_row = (group.z * BAND + group.x) * TILE_ROWS;
  let first_output = group.y * TILE_OUTPUTS;
  if (first_row >= params.rows) { return; }
  let patch_index = local / 32u;
  let tx = patch_index % PATCHES * 8u + local % 8u;
  let ty = patch_index / PATCHES * 4u + local / 8u % 4u;

  var sums: array<f32, EACH>;
  var pairs: array<vec2<Arith>, EACH>;
  var next_x: array<vec4<f32>, X_LOADS>;
  var next_w: array<vec4<u32>, W_LOADS>;
  if (PREFETCH) {
    for (var i = 0u; i < X_LOADS; i++) { next_x[i] = load_x(first_row, 0u, local + i * THREADS); }
    for (var i = 0u; i < W_LOADS; i++) { next_w[i] = load_w(first_output, 0u, local + i * THREADS); }
  }

  for (var slice = 0u; slice < SLICES; slice++) {
    if (!PREFETCH) {
      for (var i = 0u; i < X_LOADS; i++) { next_x[i] = load_x(first_row, slice, local + i * THREADS); }
      for (var i = 0u; i < W_LOADS; i++) { next_w[i] = load_w(first_output, slice, local + i * THREADS); }
    }
    for (var i = 0u; i < X_LOADS; i++) { store_x(local + i * THREADS, next_x[i]); }
    for (var i = 0u; i < W_LOADS; i++) { store_w(local + i * THREADS, next_w[i]); }
    workgroupBarrier();
    if (PREFETCH && slice + 1u < SLICES) {
      for (var i = 0u; i < X_LOADS; i++) { next_x[i] = load_x(first_row, slice + 1u, local + i * THREADS); }
      for (var i = 0u; i < W_LOADS; i++) { next_w[i] = load_w(first_output, slice + 1u, local + i * THREADS); }
    }

    for (var quad = 0u; quad < QUADS; quad++) {
      var a: array<Arith4, ROWS_EACH>;
      for (var i = 0u; i < ROWS_EACH; i++) { a[i] = tile_x[(ty + i * THREADS_Y) * STRIDE + quad]; }
      for (var j = 0u; j < OUTPUTS_EACH; j++) {
        let b = tile_w[(tx + j * THREADS_X) * STRIDE + quad];
        for (var i = 0u; i < ROWS_EACH; i++) {
          let at = j * ROWS_EACH + i;
          if (IN_PARTS) {
            pairs[at] = fma(a[i].zw, b.zw, fma(a[i].xy, b.xy, pairs[at]));
          } else {
            let halfway = fma(f32(a[i].y), f32(b.y), fma(f32(a[i].x), f32(b.x), sums[at]));
            sums[at] = fma(f32(a[i].w), f32(b.w), fma(f32(a[i].z), f32(b.z), halfway));
          }
        }
      }
    }
    if (IN_PARTS && (slice % SLICES_PER_PART == SLICES_PER_PART - 1u || slice == SLICES - 1u)) {
      for (var at = 0u; at < EACH; at++) {
        sums[at] += f32(pairs[at].x) + f32(pairs[at].y);
        pairs[at] = vec2<Arith>();
      }
    }
    workgroupBarrier();
  }

  for (var i = 0u; i < ROWS_EACH; i++) {
    let row = first_row + ty + i * THREADS_Y;
    for (var j = 0u; j < OUTPUTS_EACH; j++) {
      let output = first_output + tx + j * THREADS_X;
      if (row < params.rows && output < OUTPUTS) {
        let at = row * OUTPUTS + output;
        y[at] = result(at, sums[j * ROWS_EACH + i]);
      }
    }
  }
}
