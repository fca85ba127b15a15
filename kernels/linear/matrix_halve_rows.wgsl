// x [M, K] from f32 to halves, in rows of whole eights with zeros beyond K: read many times by matrix_tiles.wgsl, which
// then moves half the bytes and rounds nothing. One eighth per invocation.

@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> halves: array<vec4<u32>>;

const QUADS = INPUTS / 4u;
const EIGHTHS = (QUADS + 1u) / 2u;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let at = (group.y * params.stride + group.x) * WIDTH + local;
  if (at >= params.rows * EIGHTHS) { return; }
  let quad = 2u * (at % EIGHTHS);
  let first = at / EIGHTHS * QUADS + quad;
  var high = vec4<f32>();
  if (QUADS % 2u == 0u || quad + 1u < QUADS) { high = x[first + 1u]; }
  halves[at] = vec4<u32>(narrow(x[first]), narrow(high));
}
