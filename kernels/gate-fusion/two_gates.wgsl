// Mixes the two branches of a sparse layer: out = sigmoid(gate of sparse) * sparse + sigmoid(gate of window) * window.
//
//  1. an invocation takes four neighbouring values of one head of one row;
//  2. it reads the logits of both gates from the projected row, one of each per head or one per value;
//  3. sigmoid(g) = e^-|g| or 1, over 1 + e^-|g|: no logit overflows.
//
// sparse, window, out [C, Hq, d], projected [C, PROJECTED]: f32. At column GATES the sparse gate's logits, right after
// them the window gate's: Hq of each, or Hq d. d a multiple of 4.

@group(0) @binding(1) var<storage, read> sparse: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> window: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> projected: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

const COLUMNS = QUERY_HEADS * HEAD_DIM / 4u;
// Logits per gate.
const LOGITS = select(QUERY_HEADS, QUERY_HEADS * HEAD_DIM, PER_ELEMENT);

fn sigmoid(logit: vec4<f32>) -> vec4<f32> {
  let small = exp(-abs(logit));
  return select(small, vec4<f32>(1.0), logit >= vec4<f32>(0.0)) / (1.0 + small);
}

fn gate(first: u32, column: u32) -> vec4<f32> {
  if (PER_ELEMENT) {
    let at = first + 4u * column;
    return sigmoid(vec4<f32>(projected[at], projected[at + 1u], projected[at + 2u], projected[at + 3u]));
  }
  return sigmoid(vec4<f32>(projected[first + column / (HEAD_DIM / 4u)]));
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let index = (group.y * params.stride + group.x) * WIDTH + local;
  let row = index / COLUMNS;
  if (row >= params.rows) { return; }
  let column = index % COLUMNS;
  let gates = row * PROJECTED + GATES;
  out[index] = gate(gates, column) * sparse[index] + gate(gates + LOGITS, column) * window[index];
}
