// `kept` rows of a chunk's k and v to their places in the ring (ring_row.wgsl): the first `stay`, which are of the first of
// the context, and the last of the others. One invocation per row and four values. k, v 16-bit [Hkv, C, d]; ring_k, ring_v
// 16-bit [Hkv, ring, d].

@group(0) @binding(1) var<storage, read> k: array<Half4>;
@group(0) @binding(2) var<storage, read> v: array<Half4>;
@group(0) @binding(3) var<storage, read_write> ring_k: array<Half4>;
@group(0) @binding(4) var<storage, read_write> ring_v: array<Half4>;

const QUADS = HEAD_DIM / 4u;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * params.stride + group.x) * WIDTH + lane;
  if (i >= KV_HEADS * params.kept * QUADS) { return; }
  let head = i / (params.kept * QUADS);
  let number = i / QUADS % params.kept;
  let row = select(params.rows - params.kept + number, number, number < params.stay);
  let source = (head * params.rows + row) * QUADS + i % QUADS;
  let into = (head * params.ring + ring_row(params.start + row, params.ring)) * QUADS + i % QUADS;
  ring_k[into] = k[source];
  ring_v[into] = v[source];
}
