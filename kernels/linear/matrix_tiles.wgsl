// y = x W^T for many rows on matrix units: products of 16x16 tiles of f16 with f32 sums.
//
//  1. SLICE columns of TILE_ROWS rows of x and of TILE_OUTPUTS rows of W go to workgroup memory as f16, an "eighth" of
//     eight values at a time; the next slice is read into registers while this one is multiplied;
//  2. both operands lie along K: x is loaded as left matrices by rows, W as right matrices by columns. A row is padded
//     by one eighth to an odd number of them, so that eight rows touch all banks once;
//  3. a subgroup makes a part of the tile, its sums in registers (the part's file has main). DEPTH subgroups may make
//     the same part, each every DEPTHth step of 16 columns: more loads in flight where there are few tiles;
//  4. a tile inside y goes to it from the registers, and begins with the residual as its sums. A tile across an edge,
//     one of several depths, and any where the rows of y are not whole vectors of four, goes through workgroup memory.
//
// Ragged rows and outputs repeat the last one there is and are not written; columns beyond K are zero.
//
// Workgroups go along M inside bands of BAND tiles, then along N, then to the next band: W streams through the cache
// once per band while the band's rows of x stay there.
//
// x [M, K] f32, or halves where they were made before; y and residual [M, N]: f32; W [N, K] halves. K a multiple of 4.

@group(0) @binding(3) var<storage, read_write> y: array<f32>;

const SIDE = 16u;
const SUBGROUP = 32u;
const PARTS_ALONG = TILE_OUTPUTS / PART_OUTPUTS;
const PARTS = TILE_ROWS / PART_ROWS * PARTS_ALONG;
const THREADS = PARTS * DEPTH * SUBGROUP;

const EIGHTHS = SLICE / 8u;
const STRIDE = EIGHTHS + 1u;
const ALL_QUADS = INPUTS / 4u;
const ALL_EIGHTHS = (INPUTS + 7u) / 8u;
const SLICES = (INPUTS + SLICE - 1u) / SLICE;
const RAGGED = INPUTS % SLICE != 0u;

// Eighths of a slice that an invocation moves: 1, 2 or 4 of each.
const X_LOADS = TILE_ROWS * EIGHTHS / THREADS;
const W_LOADS = TILE_OUTPUTS * EIGHTHS / THREADS;

// Matrices are moved 16 bytes at a time.
const STRAIGHT = DEPTH == 1u && OUTPUTS % 4u == 0u;
const EDGE_STRIDE = 2u * SIDE + 4u;
const EDGE = SIDE * EDGE_STRIDE;

var<workgroup> tile_x: array<vec4<u32>, TILE_ROWS * STRIDE>;
var<workgroup> tile_w: array<vec4<u32>, TILE_OUTPUTS * STRIDE>;
var<workgroup> edge: array<f32, PARTS * DEPTH * EDGE>;

// This invocation's place in its subgroup.
var<private> lane: u32;

struct Slice {
  x0: Eight, x1: Eight, x2: Eight, x3: Eight,
  w0: vec4<u32>, w1: vec4<u32>, w2: vec4<u32>, w3: vec4<u32>,
}

fn fetch_x(first_row: u32, slice: u32, vector: u32) -> Eight {
  let eighth = slice * EIGHTHS + vector % EIGHTHS;
  if (RAGGED && eighth >= ALL_EIGHTHS) { return Eight(); }
  return load_x(min(first_row + vector / EIGHTHS, params.rows - 1u), eighth);
}

fn fetch_w(first_output: u32, slice: u32, vector: u32) -> vec4<u32> {
  let eighth = slice * EIGHTHS + vector % EIGHTHS;
  if (RAGGED && eighth >= ALL_EIGHTHS) { return vec4<u32>(); }
  return load_weights(min(first_output + vector / EIGHTHS, OUTPUTS - 1u), eighth);
}

// Written out, as all that must stay in registers here: loops over them may be left as loops.
fn fetch(first_row: u32, first_output: u32, slice: u32, local: u32) -> Slice {
  var next: Slice;
  next.x0 = fetch_x(first_row, slice, local);
  if (X_LOADS > 1u) { next.x1 = fetch_x(first_row, slice, local + THREADS); }
  if (X_LOADS > 2u) {
    next.x2 = fetch_x(first_row, slice, local + 2u * THREADS);
    next.x3 = fetch_x(first_row, slice, local + 3u * THREADS);
  }
  next.w0 = fetch_w(first_output, slice, local);
  if (W_LOADS > 1u) { next.w1 = fetch_w(first_output, slice, local + THREADS); }
  if (W_LOADS > 2u) {
    next.w2 = fetch_w(first_output, slice, local + 2u * THREADS);
    next.w3 = fetch_w(first_output, slice, local + 3u * THREADS);
  }
  return next;
}

fn place_x(vector: u32, values: Eight) { tile_x[vector / EIGHTHS * STRIDE + vector % EIGHTHS] = to_halves(values); }
fn place_w(vector: u32, values: vec4<u32>) { tile_w[vector / EIGHTHS * STRIDE + vector % EIGHTHS] = values; }

fn place(slice: Slice, local: u32) {
  place_x(local, slice.x0);
  if (X_LOADS > 1u) { place_x(local + THREADS, slice.x1); }
  if (X_LOADS > 2u) {
    place_x(local + 2u * THREADS, slice.x2);
    place_x(local + 3u * THREADS, slice.x3);
  }
  place_w(local, slice.w0);
  if (W_LOADS > 1u) { place_w(local + THREADS, slice.w1); }
  if (W_LOADS > 2u) {
    place_w(local + 2u * THREADS, slice.w2);
    place_w(local + 3u * THREADS, slice.w3);
  }
}

// Two neighbouring sums of every part to where they lie in y, if they do; all subgroups at once, each its own.
fn write_checked(first: Acc, second: Acc, subgroup: u32, row: u32, output: u32) {
  store_edge(subgroup * EDGE, first);
  store_edge(subgroup * EDGE + SIDE, second);
  workgroupBarrier();
  let depths = subgroup / DEPTH * DEPTH * EDGE;
  for (var i = subgroup % DEPTH * SUBGROUP + lane; i < 2u * SIDE * SIDE; i += DEPTH * SUBGROUP) {
    let along = vec2<u32>(i / (2u * SIDE), i % (2u * SIDE));
    let to = vec2<u32>(row, output) + along;
    if (to.x < params.rows && to.y < OUTPUTS) {
      var total = 0.0;
      for (var depth = 0u; depth < DEPTH; depth++) {
        total += edge[depths + depth * EDGE + along.x * EDGE_STRIDE + along.y];
      }
      y[to.x * OUTPUTS + to.y] = result(to.x * OUTPUTS + to.y, total);
    }
  }
  workgroupBarrier();
}
