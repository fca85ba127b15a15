// y = x W^T for at most ROWS rows: every weight is read once, by a team of TEAM invocations per OUTPUTS_EACH outputs.
//
//  1. the lanes of a team take eights of columns TEAM apart: neighbours read 16 neighbouring bytes each, and UNROLL eights
//     of each output are in flight before the first is used;
//  2. the eight values of x, from the cache, serve all outputs of the team; products and sums are exact f32;
//  3. the partial sums meet in workgroup memory, one row of TEAM + 1 words per sum, and one invocation adds each row up.
//
// Outputs beyond N repeat the last one and are not written; rows beyond M repeat the last row.
//
// x [M, K], y and residual [M, N]: f32; W [N, K] halves. K a multiple of 4.

@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

const WIDTH = TEAM * TEAMS;
const ALL_QUADS = INPUTS / 4u;
const EIGHTHS = (ALL_QUADS + 1u) / 2u;
const RAGGED = EIGHTHS % (TEAM * UNROLL) != 0u || ALL_QUADS % 2u != 0u;
const SUMS = ROWS * OUTPUTS_EACH;

var<workgroup> partial: array<f32, TEAMS * SUMS * (TEAM + 1u)>;

fn load_x(row: u32, quad: u32) -> vec4<f32> {
  if (RAGGED && quad >= ALL_QUADS) { return vec4<f32>(); }
  return x[min(row, params.rows - 1u) * ALL_QUADS + quad];
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let team = local / TEAM;
  let lane = local % TEAM;
  let first = (group.y * params.stride + group.x) * (TEAMS * OUTPUTS_EACH);

  var sums: array<f32, SUMS>;
  for (var at = lane; at < EIGHTHS; at += TEAM * UNROLL) {
    var weights: array<vec4<u32>, UNROLL * OUTPUTS_EACH>;
    for (var u = 0u; u < UNROLL; u++) {
      let eighth = min(at + u * TEAM, EIGHTHS - 1u);
      for (var o = 0u; o < OUTPUTS_EACH; o++) {
        weights[u * OUTPUTS_EACH + o] = load_weights(min(first + team * OUTPUTS_EACH + o, OUTPUTS - 1u), eighth);
      }
    }
    for (var u = 0u; u < UNROLL; u++) {
      let quad = 2u * (at + u * TEAM);
      for (var row = 0u; row < ROWS; row++) {
        let low = load_x(row, quad);
        let high = load_x(row, quad + 1u);
        for (var o = 0u; o < OUTPUTS_EACH; o++) {
          let eight = weights[u * OUTPUTS_EACH + o];
          sums[row * OUTPUTS_EACH + o] += dot(low, widen(eight.xy)) + dot(high, widen(eight.zw));
        }
      }
    }
  }

  for (var i = 0u; i < SUMS; i++) { partial[(team * SUMS + i) * (TEAM + 1u) + lane] = sums[i]; }
  workgroupBarrier();
  for (var i = local; i < TEAMS * SUMS; i += WIDTH) {
    var sum = 0.0;
    for (var j = 0u; j < TEAM; j++) { sum += partial[i * (TEAM + 1u) + j]; }
    let row = i % SUMS / OUTPUTS_EACH;
    let output = first + i / SUMS * OUTPUTS_EACH + i % OUTPUTS_EACH;
    if (row < params.rows && output < OUTPUTS) {
      let at = row * OUTPUTS + output;
      y[at] = result(at, sum);
    }
  }
}
