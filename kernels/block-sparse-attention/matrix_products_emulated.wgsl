// What matrix_products_units.wgsl names, in plain loops, for devices without matrix units. A left operand is where it lies: it is
// read when it is multiplied, so no barrier may come between. Of 16x16 sums, lane l of a team holds row l / 2, columns 8 (l % 2)
// and on.

struct Left { offset: u32, stride: u32 }
struct Sums { values: array<vec4<f32>, 2> }

fn left_tile(offset: u32, stride: u32) -> Left { return Left(offset, stride); }
fn no_sums() -> Sums { return Sums(); }

fn dot8(x: vec4<u32>, y: vec4<u32>) -> f32 {
  return dot(widen(x.xy), widen(y.xy)) + dot(widen(x.zw), widen(y.zw));
}

fn put_sums(offset: u32, stride: u32, sums: Sums) {
  let at = offset + team_lane / 2u * stride + team_lane % 2u * 2u;
  pool[at] = bitcast<vec4<u32>>(sums.values[0]);
  pool[at + 1u] = bitcast<vec4<u32>>(sums.values[1]);
}
