// Adds a bias to projected q, k and v and norms each head of q and of k by itself, in place; a team of invocations per head.
//
//  1. a lane adds the bias to its values, TEAM apart, and sums their squares;
//  2. the lanes' sums meet in workgroup memory, and every lane of the team adds them up;
//  3. a lane scales its values: x * weight / sqrt(mean(x^2) + eps). Heads of v, and all where NORM is false, end after 1.
//
// projected [C, (Hq + 2 Hkv) d + extra], weight = bias [(Hq + 2 Hkv) d] if BIAS | norms [2, d] if NORM, all f32.

@group(0) @binding(1) var<storage, read_write> projected: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;

const WIDTH = TEAM * TEAMS;
const HEADS = QUERY_HEADS + 2u * KV_HEADS;
const ROW = HEADS * HEAD_DIM + EXTRA;
const NORMS = select(0u, HEADS * HEAD_DIM, BIAS);

var<workgroup> sums: array<f32, WIDTH>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let team = local / TEAM;
  let lane = local % TEAM;
  let index = (group.y * params.stride + group.x) * TEAMS + team;
  let row = index / HEADS;
  let head = index % HEADS;
  let first = row * ROW + head * HEAD_DIM;
  let there = row < params.rows;

  var sum = 0.0;
  if (there) {
    for (var i = lane; i < HEAD_DIM; i += TEAM) {
      var value = projected[first + i];
      if (BIAS) {
        value += weight[head * HEAD_DIM + i];
        projected[first + i] = value;
      }
      sum += value * value;
    }
  }
  if (!NORM) { return; }
  sums[local] = sum;
  workgroupBarrier();
  if (!there || head >= QUERY_HEADS + KV_HEADS) { return; }
  var squares = 0.0;
  for (var i = 0u; i < TEAM; i++) { squares += sums[team * TEAM + i]; }
  let scale = inverseSqrt(squares / f32(HEAD_DIM) + params.eps);
  let norm = NORMS + select(HEAD_DIM, 0u, head < QUERY_HEADS);
  for (var i = lane; i < HEAD_DIM; i += TEAM) { projected[first + i] *= scale * weight[norm + i]; }
}
