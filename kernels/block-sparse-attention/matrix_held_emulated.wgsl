// The functions of matrix_held_units in plain loops, for devices without matrix units. A left operand is where it lies: it
// is read when it is multiplied, so no barrier may come between. A held one is where it lay in `pool`, as row and word: it
// is read from the cache. Of 16x16 sums, lane l of a team holds row l / 2, columns 8 (l % 2) and on.

struct Left { offset: u32, stride: u32 }
struct Held { row: u32, word: u32 }
struct Sums { values: array<vec4<f32>, 2> }

var<workgroup> given: array<f32, THREADS>;

fn left_tile(offset: u32, stride: u32) -> Left { return Left(offset, stride); }
fn held_turned(offset: u32) -> Held { return Held(offset / OPERAND, offset % OPERAND); }
fn held(offset: u32) -> Held { return Held(offset / OPERAND, offset % OPERAND); }
fn no_sums() -> Sums { return Sums(); }

fn dot8(x: vec4<u32>, y: vec4<u32>) -> f32 {
  return dot(widen(x.xy), widen(y.xy)) + dot(widen(x.zw), widen(y.zw));
}

fn add_turned(left: Left, right: Held, sums: Sums) -> Sums {
  let row = left.offset + team_lane / 2u * left.stride;
  let first = pool[row];
  let second = pool[row + 1u];
  var added = sums;
  for (var n = 0u; n < 8u; n++) {
    let at = cached_word((right.row + team_lane % 2u * 8u + n) * D8 + right.word);
    added.values[n / 4u][n % 4u] += dot8(first, k[at]) + dot8(second, k[at + 1u]);
  }
  return added;
}

fn add_product(left: Left, right: Held, sums: Sums) -> Sums {
  let row = left.offset + team_lane / 2u * left.stride;
  var added = sums;
  for (var j = 0u; j < 16u; j++) {
    let factor = unpack2x16float(pool[row + j / 8u][j % 8u / 2u])[j % 2u];
    let columns = v[cached_word((right.row + j) * D8 + right.word + team_lane % 2u)];
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

fn row_maximum(own: f32, lane: u32) -> f32 {
  given[lane] = own;
  workgroupBarrier();
  var most = own;
  for (var i = 0u; i < LANES; i++) { most = max(most, given[lane / 32u * 32u + lane % SPAN + i * SPAN]); }
  workgroupBarrier();
  return most;
}

fn row_total(own: f32, lane: u32) -> f32 {
  given[lane] = own;
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < LANES; i++) { total += given[lane / 32u * 32u + lane % SPAN + i * SPAN]; }
  workgroupBarrier();
  return total;
}
