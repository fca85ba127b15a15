// What matrix_softmax_tiles_units.wgsl names, as plain loops: for tests on devices without matrix units, and slow. Invocation
// l of 32 holds row l / 2 of a left operand, and columns 8 (l % 2) .. of that row of the sums; a right operand is only
// a place in `tile`, read when it is multiplied, so nothing may overwrite it between its load and its product.

alias Left = array<u32, 8>;
struct Right { at: u32, turned: bool }
alias Sums = array<f32, 8>;

var<private> tile_row: u32;
var<private> tile_half: u32;

/// To be called once, before anything else here.
fn begin_subgroup(lane: u32) {
  tile_row = lane % 32u / 2u;
  tile_half = lane % 2u;
}

fn weight_tile(at: u32) -> Left {
  var left = Left();
  for (var n = 0u; n < 8u; n++) { left[n] = weights[at + tile_row * WEIGHT_STRIDE + n / 4u][n % 4u]; }
  return left;
}

fn key_tile(at: u32) -> Right { return Right(at, true); }
fn value_tile(at: u32) -> Right { return Right(at, false); }

fn add_product(left: Left, right: Right, sums: Sums) -> Sums {
  var total = sums;
  var own = left;
  for (var n = 0u; n < 8u; n++) {
    for (var j = 0u; j < 16u; j++) {
      let column = 8u * tile_half + n;
      let row = select(j, column, right.turned);
      let within = select(column, j, right.turned);
      let pair = tile[right.at + row * STRIDE + within / 8u][within / 2u % 4u];
      total[n] += unpack2x16float(own[j / 2u])[j % 2u] * unpack2x16float(pair)[within % 2u];
    }
  }
  return total;
}

fn put_sums(at: u32, sums: Sums) {
  for (var i = 0u; i < 2u; i++) {
    let four = vec4<f32>(sums[4u * i], sums[4u * i + 1u], sums[4u * i + 2u], sums[4u * i + 3u]);
    logits[at + tile_row * LOGIT_STRIDE + 2u * tile_half + i] = four;
  }
}

fn get_sums(at: u32) -> Sums {
  var sums = Sums();
  for (var n = 0u; n < 8u; n++) {
    sums[n] = logits[at + tile_row * LOGIT_STRIDE + 2u * tile_half + n / 4u][n % 4u];
  }
  return sums;
}

/// The largest of logits first .. end - 1 of the row at `at`; `own` is the largest of those that this invocation holds.
fn row_maximum(own: f32, at: u32, first: u32, end: u32) -> f32 {
  var top = LOWEST;
  for (var n = first; n < end; n++) { top = max(top, logits[at + n / 4u][n % 4u]); }
  return top;
}
