// Joins the splits of split_kv.wgsl: one workgroup per MERGE_QUADS vec4 of a query head's output.
// partial f32 [Hkv, splits, G, d], sums f32 [Hkv, splits, G, 2], out f32 [Hq, d].

@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> sums: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(MERGE_WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = group.y;
  let quad = group.x * MERGE_QUADS + lane % MERGE_QUADS;
  let first = head / GROUP * params.splits * GROUP + head % GROUP;
  let result = merge(first, params.splits, GROUP, LOWEST, quad, lane);
  if (lane < MERGE_QUADS && quad < DIM_QUADS) { out[head * DIM_QUADS + quad] = result; }
}
