// RMSNorm, a team of invocations per row: y = x * weight / sqrt(mean(x^2) + eps).
//
//  1. a lane reads its columns, TEAM vectors apart, and keeps them in registers (KEEP: at most 16 vectors); all of its
//     loads are in flight together;
//  2. the lanes' sums of squares meet in workgroup memory: teams of more than 32 fold sixteen to one first, then every
//     lane adds up what is left by itself, so that one or two barriers are enough;
//  3. a lane scales its columns and writes them.
//
// x, y [C, E], weight [E], all f32; E a multiple of 4. Teams beyond the last row repeat it and write nothing.

@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

const WIDTH = TEAM * TEAMS;
const COLUMNS = HIDDEN / 4u;
const EACH = (COLUMNS + TEAM - 1u) / TEAM;
const KEPT = select(1u, EACH, KEEP);
const FOLD = 16u;
// Sums of a team that every lane adds up.
const LEFT = select(TEAM, TEAM / FOLD, TEAM > 32u);

var<workgroup> sums: array<f32, WIDTH>;
var<workgroup> folded: array<f32, TEAMS * LEFT>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let team = local / TEAM;
  let lane = local % TEAM;
  let wanted = (group.y * params.stride + group.x) * TEAMS + team;
  let first = min(wanted, params.rows - 1u) * COLUMNS;

  var kept: array<vec4<f32>, KEPT>;
  var sum = 0.0;
  if (KEEP) {
    for (var i = 0u; i < KEPT; i++) {
      let column = lane + i * TEAM;
      if (COLUMNS % TEAM == 0u || column < COLUMNS) { kept[i] = x[first + column]; }
    }
    for (var i = 0u; i < KEPT; i++) { sum += dot(kept[i], kept[i]); }
  } else {
    for (var column = lane; column < COLUMNS; column += TEAM) {
      let value = x[first + column];
      sum += dot(value, value);
    }
  }

  sums[local] = sum;
  workgroupBarrier();
  var squares = 0.0;
  if (TEAM > 32u) {
    if (lane < LEFT) {
      var part = 0.0;
      for (var i = 0u; i < FOLD; i++) { part += sums[team * TEAM + i * LEFT + lane]; }
      folded[team * LEFT + lane] = part;
    }
    workgroupBarrier();
    for (var i = 0u; i < LEFT; i++) { squares += folded[team * LEFT + i]; }
  } else {
    for (var i = 0u; i < LEFT; i++) { squares += sums[team * LEFT + i]; }
  }

  if (wanted >= params.rows) { return; }
  let scale = inverseSqrt(squares / f32(HIDDEN) + params.eps);
  if (KEEP) {
    for (var i = 0u; i < KEPT; i++) {
      let column = lane + i * TEAM;
      if (COLUMNS % TEAM == 0u || column < COLUMNS) { y[first + column] = kept[i] * scale * weight[column]; }
    }
  } else {
    for (var column = lane; column < COLUMNS; column += TEAM) {
      y[first + column] = x[first + column] * scale * weight[column];
    }
  }
}
