// Copies a buffer: what memory gives at best to reads and writes in equal parts.
//
//  1. a workgroup copies EACH * WIDTH neighbouring vectors of 16 bytes; an invocation takes every WIDTH-th of them;
//  2. all loads of an invocation are in flight before the first store.
//
// source, destination: count vectors of 16 bytes.

@group(0) @binding(1) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> destination: array<vec4<u32>>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let first = (group.y * params.stride + group.x) * (EACH * WIDTH) + local;
  if (first + (EACH - 1u) * WIDTH < params.count) {
    var vectors: array<vec4<u32>, EACH>;
    for (var i = 0u; i < EACH; i++) { vectors[i] = source[first + i * WIDTH]; }
    for (var i = 0u; i < EACH; i++) { destination[first + i * WIDTH] = vectors[i]; }
    return;
  }
  for (var at = first; at < params.count; at += WIDTH) { destination[at] = source[at]; }
}
