// What matrix_attend_tiles_units.wgsl names, as plain loops: for tests on devices without matrix units, and slow. Invocation l of
// 32 holds row l / 2 of a left operand, and columns 8 (l % 2) .. of that row of the sums; a right operand is only a place in
// `tile`, read when it is multiplied, so nothing may overwrite it between its load and its product.

alias Left = array<u32, 8>;
struct Right { at: u32, turned: bool }
alias Sums = array<f32, 8>;


var<private> tile_row: u32;
var<private> tile_half: u32;

fn begin_subgroup(lane: u32) {
  tile_row = lane % 32u / 2u;
  tile_half = lane % 2u;
}

fn query_tile(n: u32) -> Left {
  var left = Left();
  for (var i = 0u; i < 8u; i++) { left[i] = queries[tile_row * QUERY_STRIDE + 2u * n + i / 4u][i % 4u]; }
  return left;
}

fn weight_tile(t: u32) -> Left {
  var left = Left();
  for (var i = 0u; i < 8u; i++) { left[i] = weights[tile_row * WEIGHT_STRIDE + 2u * t + i / 4u][i % 4u]; }
  return left;
}

fn key_tile(at: u32) -> Right { return Right(at, true); }
fn value_tile(at: u32) -> Right { return Right(at, false); }

fn row_dot(left: Left, first: vec4<u32>, second: vec4<u32>) -> f32 {
  return dot(widen(vec2<u32>(left[0], left[1])), widen(first.xy)) +
    dot(widen(vec2<u32>(left[2], left[3])), widen(first.zw)) +
    dot(widen(vec2<u32>(left[4], left[5])), widen(second.xy)) +
    dot(widen(vec2<u32>(left[6], left[7])), widen(second.zw));
}

/** Adds element j of the left operand's row times eight values. */
fn add_row(left: Left, j: u32, values: vec4<u32>, sums: Sums) -> Sums {
  var total = sums;
  var row = left;
  let factor = unpack2x16float(row[j / 2u])[j % 2u];
  let low = widen(values.xy);
  let high = widen(values.zw);
  for (var n = 0u; n < 4u; n++) {
    total[n] += factor * low[n];
    total[n + 4u] += factor * high[n];
  }
  return total;
}

fn add_product(left: Left, right: Right, sums: Sums) -> Sums {
  var total = sums;
  if (right.turned) {
    for (var n = 0u; n < 8u; n++) {
      let at = right.at + (8u * tile_half + n) * STRIDE;
      total[n] += row_dot(left, tile[at], tile[at + 1u]);
    }
  } else {
    for (var j = 0u; j < 16u; j++) { total = add_row(left, j, tile[right.at + j * STRIDE + tile_half], total); }
  }
  return total;
}

fn put_sums(at: u32, sums: Sums) {
  let to = at + tile_row * LOGIT_STRIDE + 2u * tile_half;
  logits[to] = vec4<f32>(sums[0], sums[1], sums[2], sums[3]);
  logits[to + 1u] = vec4<f32>(sums[4], sums[5], sums[6], sums[7]);
}

fn get_sums(at: u32) -> Sums {
  let from_low = logits[at + tile_row * LOGIT_STRIDE + 2u * tile_half];
  let from_high = logits[at + tile_row * LOGIT_STRIDE + 2u * tile_half + 1u];
  return Sums(
    from_low.x, from_low.y, from_low.z, from_low.w, from_high.x, from_high.y, from_high.z, from_high.w,
  );
}

/** The largest of the `count` logits from `at` on; `own` is the largest of those that this invocation holds. */
fn largest_of_sixteen(own: f32, at: u32, count: u32) -> f32 {
  var top = LOWEST;
  for (var n = 0u; n < count; n++) { top = max(top, logits[at + n / 4u][n % 4u]); }
  return top;
}

fn largest_of_row(own: f32, at: u32, count: u32) -> f32 { return largest_of_sixteen(own, at, count); }
