// Joins partial softmax sums of one query head: out = sum_s 2^(m_s - m) o_s / sum_s 2^(m_s - m) l_s, m = max_s m_s.
// An invocation takes one of MERGE_QUADS vec4 of dims and every MERGE_ROWS-th partial result.
//
//  1. every invocation joins some (m, l), then all are joined in a tree;
//  2. every invocation adds up its weighted o, then rows are joined in a tree.
//
// The file that includes this defines the bindings `partial` and `sums` (as written by attend_keys.wgsl).

const MERGE_WIDTH = MERGE_QUADS * MERGE_ROWS;
const DIM_QUADS = HEAD_DIM / 4u;
const LOWEST = -1e30;
const LOG2_E = 1.4426950408889634;

var<workgroup> joined: array<vec2<f32>, MERGE_WIDTH>;
var<workgroup> rows: array<vec4<f32>, MERGE_WIDTH>;

fn join(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  let highest = max(a.x, b.x);
  return vec2<f32>(highest, a.y * exp2(a.x - highest) + b.y * exp2(b.x - highest));
}

/** Rows first, first + stride, .. of `count` partial results; the answer is good where lane < MERGE_QUADS. */
fn merge(first: u32, count: u32, stride: u32, sink: f32, quad: u32, lane: u32) -> vec4<f32> {
  var own = vec2<f32>(LOWEST, 0.0);
  if (lane == 0u && sink > LOWEST) { own = vec2<f32>(sink * LOG2_E, 1.0); }
  for (var i = lane; i < count; i += MERGE_WIDTH) { own = join(own, sums[first + i * stride]); }
  joined[lane] = own;
  workgroupBarrier();
  for (var half = MERGE_WIDTH / 2u; half > 0u; half /= 2u) {
    if (lane < half) { joined[lane] = join(joined[lane], joined[lane + half]); }
    workgroupBarrier();
  }
  let all = joined[0];
  var sum = vec4<f32>();
  if (quad < DIM_QUADS) {
    for (var i = lane / MERGE_QUADS; i < count; i += MERGE_ROWS) {
      let row = first + i * stride;
      sum += exp2(sums[row].x - all.x) * partial[row * DIM_QUADS + quad];
    }
  }
  rows[lane] = sum;
  workgroupBarrier();
  for (var half = MERGE_ROWS / 2u; half > 0u; half /= 2u) {
    if (lane < half * MERGE_QUADS) { rows[lane] += rows[lane + half * MERGE_QUADS]; }
    workgroupBarrier();
  }
  return rows[lane] / all.y;
}
