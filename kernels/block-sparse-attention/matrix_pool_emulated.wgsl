// The functions of matrix_pool_units in plain loops. A right operand is where it lies, too.

struct Turned { offset: u32, stride: u32 }
struct Right { offset: u32, stride: u32 }

fn turned_tile(offset: u32, stride: u32) -> Turned { return Turned(offset, stride); }
fn right_tile(offset: u32, stride: u32) -> Right { return Right(offset, stride); }

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
