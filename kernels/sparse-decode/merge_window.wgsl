// Joins the partial results of window_branch.wgsl: one workgroup per query head and MERGE_QUADS vec4 of its output.
// partial f32 [Hkv, JOBS, G, d], sums f32 [Hkv, JOBS, G, 2]; window_sinks f32 [Hq]; out_window f32 [Hq, d].

@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> sums: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> window_sinks: array<f32>;
@group(0) @binding(4) var<storage, read_write> out_window: array<vec4<f32>>;

@compute @workgroup_size(MERGE_WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = group.y;
  let quad = group.x * MERGE_QUADS + lane % MERGE_QUADS;
  let first = head / GROUP * JOBS * GROUP + head % GROUP;
  let result = merge(first, JOBS, GROUP, window_sinks[head], quad, lane);
  if (lane < MERGE_QUADS && quad < DIM_QUADS) { out_window[head * DIM_QUADS + quad] = result; }
}
