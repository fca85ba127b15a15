// The window branch alone, for one position on matrix units: a workgroup per KV head, 16 of its query heads, and run of
// WINDOW_RUN ring rows. matrix_attend_keys.wgsl does the work; merge_window.wgsl joins the runs. The ring's rows are the
// window, in any order.
//
// q f32 [Hq, d]; ring_k, ring_v 16-bit [Hkv, w, d]; partial f32 [Hkv, JOBS, G, d]; sums (m, l) f32 [Hkv, JOBS, G].

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> ring_k: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> ring_v: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec2<f32>>;

fn query_at(head: u32, quad: u32) -> vec4<f32> { return q[head * DIM_QUADS + quad]; }

fn fetch_keys(begin: u32, last: u32, lane: u32) -> Fetched { return fetch(&ring_k, begin, last, lane); }
fn fetch_values(begin: u32, last: u32, lane: u32) -> Fetched { return fetch(&ring_v, begin, last, lane); }

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let chunk = group.z * 16u;
  let heads = min(GROUP - chunk, 16u);
  let first = group.x * WINDOW_RUN;
  let end = min(first + WINDOW_RUN, min(params.ring, params.keys));
  var o = Outputs();
  attend(&o, group.y * GROUP + chunk, heads, group.y * params.ring, first, end, lane);
  finish(&o, (group.y * JOBS + group.x) * GROUP + chunk, heads, lane);
}
