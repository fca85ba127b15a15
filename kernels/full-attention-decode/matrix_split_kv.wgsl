// Full attention of one position on matrix units, split over the keys: one workgroup per split of `each` keys, KV head, and
// 16 of its query heads. matrix_attend_keys.wgsl does the work; merge_splits.wgsl, with scores
// merge_splits_and_scores.wgsl, joins the splits.
//
// q f32 [Hq, d]; k, v 16-bit [Hkv, room, d]; partial f32 [Hkv, splits, G, d]; sums (m, l) f32 [Hkv, splits, G].

@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec2<f32>>;

/** For `tile_seen`. */
var<private> own_kv_head: u32;
var<private> first_head: u32;

fn query_at(head: u32, quad: u32) -> vec4<f32> { return q[head * DIM_QUADS + quad]; }

fn fetch_keys(begin: u32, last: u32, lane: u32) -> Fetched { return fetch(&k, begin, last, lane); }
fn fetch_values(begin: u32, last: u32, lane: u32) -> Fetched { return fetch(&v, begin, last, lane); }

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  own_kv_head = group.y;
  first_head = group.z * 16u;
  let heads = min(GROUP - first_head, 16u);
  let first = group.x * params.each;
  let end = min(first + params.each, params.keys);
  begin_blocks();
  var o = Outputs();
  attend(&o, group.y * GROUP + first_head, heads, group.y * params.room, first, end, lane);
  finish(&o, (group.y * params.splits + group.x) * GROUP + first_head, heads, lane);
}
