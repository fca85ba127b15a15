// Reads a buffer again and again: what memory gives at best to reads, or a cache where the buffer fits one.
//
//  1. an invocation reads EACH vectors of 16 bytes per round, `stride` vectors apart, all in flight at once; neighbours read
//     neighbouring vectors;
//  2. places wrap around at the buffer's end. The stride is no multiple of a buffer's size, so that no core reads what it
//     has just read;
//  3. the sum of all that an invocation read is written, so nothing can be left out.
//
// source: mask + 1 vectors of f32, a power of two; sums [workgroups * WIDTH] f32. Vectors read: workgroups * WIDTH * rounds * EACH.

@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let invocation = group.x * WIDTH + local;
  var at = invocation;
  var sum = vec4<f32>(0.0);
  for (var round = 0u; round < params.rounds; round++) {
    var vectors: array<vec4<f32>, EACH>;
    for (var i = 0u; i < EACH; i++) { vectors[i] = source[(at + i * params.stride) & params.mask]; }
    for (var i = 0u; i < EACH; i++) { sum += vectors[i]; }
    at += EACH * params.stride;
  }
  sums[invocation] = dot(sum, vec4<f32>(1.0));
}
