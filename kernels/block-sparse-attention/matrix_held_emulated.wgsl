// The functions of matrix_held_units in plain loops. A held operand is where it lay in `pool`, as row and word: it is read from
// the cache.

struct Held { row: u32, word: u32 }

var<workgroup> given: array<f32, THREADS>;

fn held_turned(offset: u32) -> Held { return Held(offset / OPERAND, offset % OPERAND); }
fn held(offset: u32) -> Held { return Held(offset / OPERAND, offset % OPERAND); }

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
