// Joins the partial results of both_branches.wgsl, each branch with its own softmax and sink: one workgroup per branch,
// query head and MERGE_QUADS vec4 of its output.
// partial f32 [Hkv, JOBS, G, d], sums f32 [Hkv, JOBS, G, 2]; sinks f32 [Hq]; outputs f32 [Hq, d].

@group(0) @binding(1) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> sums: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> sparse_sinks: array<f32>;
@group(0) @binding(4) var<storage, read> window_sinks: array<f32>;
@group(0) @binding(5) var<storage, read_write> out_sparse: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> out_window: array<vec4<f32>>;

@compute @workgroup_size(MERGE_WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = group.y;
  let quad = group.x * MERGE_QUADS + lane % MERGE_QUADS;
  let base = head / GROUP * JOBS * GROUP + head % GROUP;
  var sink = sparse_sinks[head];
  var first = base;
  var count = SLOTS;
  if (group.z == 1u) {
    sink = window_sinks[head];
    first = base + SLOTS * GROUP;
    count = JOBS - SLOTS;
  }
  let result = merge(first, count, GROUP, sink, quad, lane);
  if (lane < MERGE_QUADS && quad < DIM_QUADS) {
    if (group.z == 1u) {
      out_window[head * DIM_QUADS + quad] = result;
    } else {
      out_sparse[head * DIM_QUADS + quad] = result;
    }
  }
}
