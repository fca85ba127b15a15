// Cuts a projected row into q | k | v, turns q and k by their position, and files k and v in the cache as 16-bit values.
//
//  1. an invocation takes two neighbouring pairs (x[i], x[i + d / 2]) of one head of one row: one u32 of the cache each;
//  2. position = 256 a + b: the angle's cosine and sine come from those of 256 a theta_i and b theta_i, which the host
//     tabulated in float64, by the addition formulas, so that positions of a million lose no digits;
//  3. heads below Hq go to q, the next Hkv turned to k, the last Hkv as they are to v.
//
// projected [C, (Hq + 2 Hkv) d + extra], q [C, Hq, d], coarse [, d / 2, (cos, sin)], fine [256, d / 2, (cos, sin)]: f32;
// k, v [Hkv, room, d] halves, written at rows first_row .. first_row + C - 1. d a multiple of 4.

@group(0) @binding(1) var<storage, read> projected: array<f32>;
@group(0) @binding(2) var<storage, read> coarse: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> fine: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> q: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> k: array<u32>;
@group(0) @binding(6) var<storage, read_write> v: array<u32>;

const HEADS = QUERY_HEADS + 2u * KV_HEADS;
const HALF = HEAD_DIM / 2u;
// Invocations per head.
const LANES = HALF / 2u;
const ROW = HEADS * HEAD_DIM + EXTRA;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let index = (group.y * params.stride + group.x) * WIDTH + local;
  let row = index / (HEADS * LANES);
  if (row >= params.rows) { return; }
  let head = index / LANES % HEADS;
  let lane = index % LANES;
  let at = row * ROW + head * HEAD_DIM + 2u * lane;
  let low = vec2<f32>(projected[at], projected[at + 1u]);
  let high = vec2<f32>(projected[at + HALF], projected[at + HALF + 1u]);

  if (head >= QUERY_HEADS + KV_HEADS) {
    let to = ((head - QUERY_HEADS - KV_HEADS) * params.room + params.first_row + row) * HALF + lane;
    v[to] = narrow(vec4<f32>(low, 0.0, 0.0)).x;
    v[to + LANES] = narrow(vec4<f32>(high, 0.0, 0.0)).x;
    return;
  }
  let position = params.start + row;
  let a = coarse[(position / 256u) * LANES + lane];
  let b = fine[(position % 256u) * LANES + lane];
  let cosine = a.xz * b.xz - a.yw * b.yw;
  let sine = a.yw * b.xz + a.xz * b.yw;
  let turned_low = low * cosine - high * sine;
  let turned_high = high * cosine + low * sine;
  if (head < QUERY_HEADS) {
    let to = (row * QUERY_HEADS + head) * HALF + lane;
    q[to] = turned_low;
    q[to + LANES] = turned_high;
  } else {
    let to = ((head - QUERY_HEADS) * params.room + params.first_row + row) * HALF + lane;
    k[to] = narrow(vec4<f32>(turned_low, 0.0, 0.0)).x;
    k[to + LANES] = narrow(vec4<f32>(turned_high, 0.0, 0.0)).x;
  }
}
