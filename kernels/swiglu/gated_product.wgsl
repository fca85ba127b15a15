// The product in the middle of the MLP: y = gate * sigmoid(gate) * up.
//
//  1. an invocation takes four neighbouring columns of one row;
//  2. sigmoid(g) = e^-|g| or 1, over 1 + e^-|g|: no gate overflows.
//
// gate_up [C, 2 F], each row gate | up, y [C, F]: f32; F a multiple of 4.

@group(0) @binding(1) var<storage, read> gate_up: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

const COLUMNS = INTERMEDIATE / 4u;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let index = (group.y * params.stride + group.x) * WIDTH + local;
  let row = index / COLUMNS;
  if (row >= params.rows) { return; }
  let gate = gate_up[index + row * COLUMNS];
  let up = gate_up[index + row * COLUMNS + COLUMNS];
  let small = exp(-abs(gate));
  y[index] = gate * select(small, vec4<f32>(1.0), gate >= vec4<f32>(0.0)) / (1.0 + small) * up;
}
