// The matrices of matrix_tiles.wgsl without matrix units, for tests: an operand is where it lies and is read when it is
// multiplied; of a sum, lane l holds row l / 2, columns 8 (l % 2) .. + 7.
struct Left { at: u32 }
struct Right { at: u32 }
alias Acc = array<f32, 8>;

fn load_left(at: u32) -> Left { return Left(at); }
fn load_right(at: u32) -> Right { return Right(at); }

// By pairs along K: unpacking is most of the code, and this is compiled many times over.
fn multiply(left: Left, right: Right, sum: Acc) -> Acc {
  var total = sum;
  let row = left.at + lane / 2u * STRIDE;
  let column = right.at + lane % 2u * 8u * STRIDE;
  for (var pair = 0u; pair < 8u; pair++) {
    let a = unpack2x16float(tile_x[row + pair / 4u][pair % 4u]);
    for (var i = 0u; i < 8u; i++) {
      total[i] += dot(a, unpack2x16float(tile_w[column + i * STRIDE + pair / 4u][pair % 4u]));
    }
  }
  return total;
}

// The first sums of a 16x16 piece of y.
fn begin(at: u32) -> Acc {
  var values: Acc;
  if (!ADD) { return values; }
  let first = at + lane / 2u * OUTPUTS + lane % 2u * 8u;
  for (var i = 0u; i < 8u; i++) { values[i] = residual[first + i]; }
  return values;
}

fn store_y(at: u32, sum: Acc) {
  var values = sum;
  let first = at + lane / 2u * OUTPUTS + lane % 2u * 8u;
  for (var i = 0u; i < 8u; i++) { y[first + i] = values[i]; }
}

fn store_edge(at: u32, sum: Acc) {
  var values = sum;
  let first = at + lane / 2u * EDGE_STRIDE + lane % 2u * 8u;
  for (var i = 0u; i < 8u; i++) { edge[first + i] = values[i]; }
}
