// The functions of matrix_pool_units in plain loops, for devices without matrix units. An operand is where it lies: it is
// read when it is multiplied, so no barrier may come between. Of 16x16 sums, lane l of a team holds row l / 2, columns
// 8 (l % 2) and on.

struct Left { offset: u32, stride: u32 }
struct Turned { offset: u32, stride: u32 }
struct Right { offset: u32, stride: u32 }
struct Sums { values: array<vec4<f32>, 2> }

fn left_tile(offset: u32, stride: u32) -> Left { return Left(offset, stride); }
fn turned_tile(offset: u32, stride: u32) -> Turned { return Turned(offset, stride); }
fn right_tile(offset: u32, stride: u32) -> Right { return Right(offset, stride); }
fn no_sums() -> Sums { return Sums(); }

fn dot8(x: vec4<u32>, y: vec4<u32>) -> f32 {
  return dot(widen(x.xy), widen(y.xy)) + dot(widen(x.zw), widen(y.zw));
}

fn add_turned(left: Left, right: Turned, sums: Sums) -> Sums {
  let row = left.offset + team_lane / 2u * left.stride;
  let first = pool[row];
  let second = pool[row + 1u];
  var added = sums;
  for (var n = 0u; n < 8u; n++) {
    let column = right.offset + (team_lane % 2u * 8u + n) * right.stride;
    added.values[n / 4u][n % 4u] += dot8(first, pool[column]) + dot8(second, pool[column + 1u]);
  }
  return added;
}

fn add_product(left: Left, right: Right, sums: Sums) -> Sums {
  let row = left.offset + team_lane / 2u * left.stride;
  var added = sums;
  for (var k = 0u; k < 16u; k++) {
    let factor = unpack2x16float(pool[row + k / 8u][k % 8u / 2u])[k % 2u];
    let columns = pool[right.offset + k * right.stride + team_lane % 2u];
    added.values[0] += factor * widen(columns.xy);
    added.values[1] += factor * widen(columns.zw);
  }
  return added;
}

fn put_sums(offset: u32, stride: u32, sums: Sums) {
  let at = offset + team_lane / 2u * stride + team_lane % 2u * 2u;
  pool[at] = bitcast<vec4<u32>>(sums.values[0]);
  pool[at + 1u] = bitcast<vec4<u32>>(sums.values[1]);
}
