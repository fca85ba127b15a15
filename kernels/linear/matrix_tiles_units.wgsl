// The matrices of matrix_tiles.wgsl on the device's matrix units.
alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Acc = subgroup_matrix_result<f32, 16, 16>;

fn load_left(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&tile_x, at, STRIDE); }
fn load_right(at: u32) -> Right { return subgroupMatrixLoad<Right, col_major>(&tile_w, at, STRIDE); }
fn multiply(left: Left, right: Right, sum: Acc) -> Acc { return subgroupMatrixMultiplyAccumulate(left, right, sum); }
// The first sums of a 16x16 piece of y. Only whole tiles begin with the residual; the stride of narrower outputs must be valid
// all the same.
fn begin(at: u32) -> Acc {
  if (ADD) { return subgroupMatrixLoad<Acc, row_major>(&residual, at, max(OUTPUTS, 16u)); }
  return Acc();
}

fn store_y(at: u32, sum: Acc) { subgroupMatrixStore<row_major>(&y, at, sum, max(OUTPUTS, 16u)); }
fn store_edge(at: u32, sum: Acc) { subgroupMatrixStore<row_major>(&edge, at, sum, EDGE_STRIDE); }
