// Right operands out of `k` and `v`, on matrix units.

alias Straight = Right;

fn straight_key_tile(at: u32) -> Straight { return subgroupMatrixLoad<Straight, col_major>(&k, at, OCTETS); }
fn straight_value_tile(at: u32) -> Straight { return subgroupMatrixLoad<Straight, row_major>(&v, at, OCTETS); }
fn add_straight_keys(left: Left, right: Straight, sums: Sums) -> Sums { return add_product(left, right, sums); }
fn add_straight_values(left: Left, right: Straight, sums: Sums) -> Sums { return add_product(left, right, sums); }
