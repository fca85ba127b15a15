// What matrix_straight_units.wgsl names, as plain loops: an operand is only a place in `k` or `v`.

alias Straight = u32;

fn straight_key_tile(at: u32) -> Straight { return at; }
fn straight_value_tile(at: u32) -> Straight { return at; }

fn add_straight_keys(left: Left, right: Straight, sums: Sums) -> Sums {
  var total = sums;
  for (var n = 0u; n < 8u; n++) {
    let at = right + (8u * tile_half + n) * OCTETS;
    total[n] += row_dot(left, k[at], k[at + 1u]);
  }
  return total;
}

fn add_straight_values(left: Left, right: Straight, sums: Sums) -> Sums {
  var total = sums;
  for (var j = 0u; j < 16u; j++) { total = add_row(left, j, v[right + j * OCTETS + tile_half], total); }
  return total;
}
