// The rows of the embedding table that tokens name, widened to f32.
//
//  1. an invocation takes four neighbouring columns of one row;
//  2. a token beyond the bound table reads its last row: hosts refuse such tokens before, and nothing is read outside.
//
// tokens [C] u32, table [V, E] halves, x [C, E] f32; E a multiple of 4.

@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<Half4>;
@group(0) @binding(3) var<storage, read_write> x: array<vec4<f32>>;

const COLUMNS = HIDDEN / 4u;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let index = (group.y * params.stride + group.x) * WIDTH + local;
  let row = index / COLUMNS;
  if (row >= params.rows) { return; }
  let token = min(tokens[row], arrayLength(&table) / COLUMNS - 1u);
  x[index] = widen(table[token * COLUMNS + index % COLUMNS]);
}
