// Full attention of one position on matrix units, split over the keys: one workgroup per split of `each` keys, KV head, and
// 16 of its query heads. matrix_attend_keys.wgsl does the work; merge_splits.wgsl joins the splits.
//
// q f32 [Hq, d]; k, v 16-bit [Hkv, room, d]; partial f32 [Hkv, splits, G, d]; sums (m, l) f32 [Hkv, splits, G].
//
// Versions (SUBGROUPS x KEYS, workgroups wanted; see matrix.ts), on an H200, 2026-11-22: T = 131072, with scores; 32/8
// heads of 128, then 64/4 heads of 128:
//   4x64, 528 (default):     0.1809 ms (2968 GB/s), 0.1164 ms (2306 GB/s);
//   4x64, 1056:              0.1886 ms, 0.1260 ms; without scores 0.1722 ms (3117 GB/s) for the first shape;
//   4x64, 1056, HELD:        0.1844 ms, 0.1252 ms;
//   4x64, 2112:              0.2026 ms, 0.1440 ms: more splits, more to merge;
//   4x32, 2112:              0.2542 ms;
//   2x32, 2112:              0.2917 ms;
//   4x64, 1056, not staged:  0.4398 ms, 0.2615 ms: operands straight from storage (matrix_straight.wgsl) do not pay;
//   2x32, 2112, not staged:  0.6807 ms;
//   split_kv.wgsl, no matrix units: 0.6890 ms, 0.6411 ms.

struct Params { keys: u32, room: u32, splits: u32, each: u32 }

@group(0) @binding(0) var<uniform> params: Params;
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
