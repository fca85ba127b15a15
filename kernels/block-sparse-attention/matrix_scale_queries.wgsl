// q for the matrix units, once for all tiles that gather it: f32 to 16 bit, times log2(e) / sqrt(d).
//
// q f32 [C, Hq, d]; halves [C, Hq, d]; an invocation has eight values.

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> halves: array<vec4<u32>>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * params.stride + group.x) * WIDTH + lane;
  if (i >= params.words) { return; }
  halves[i] = vec4<u32>(narrow(q[2u * i] * params.scale), narrow(q[2u * i + 1u] * params.scale));
}
