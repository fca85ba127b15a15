// What matrix_tiles_units.wgsl names, as plain loops: for tests on devices without matrix units, and slow. Invocation l of 32
// holds row l / 2 of a left operand, and columns 8 (l % 2) .. of that row of the sums; a right operand is only a place in `tile`,
// read when it is multiplied, so nothing may overwrite it between its load and its product.

alias Left = array<u32, 8>;
struct Right { at: u32, turned: bool }
alias Sums = array<f32, 8>;

var<private> tile_row: u32;
var<private> tile_half: u32;

fn begin_subgroup(lane: u32) {
  tile_row = lane % 32u / 2u;
  tile_half = lane % 2u;
}

fn key_tile(at: u32) -> Right { return Right(at, true); }
fn value_tile(at: u32) -> Right { return Right(at, false); }
