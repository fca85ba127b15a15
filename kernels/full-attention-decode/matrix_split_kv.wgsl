// Full attention of one position on matrix units, split over the keys: one workgroup per split of `each` keys, KV head, and
// 16 of its query heads. matrix_attend_keys.wgsl does the work; merge_splits.wgsl, with scores
// merge_splits_and_scores.wgsl, joins the splits.
//
// q f32 [Hq, d]; k, v 16-bit [Hkv, room, d]; partial f32 [Hkv, splits, G, d]; sums (m, l) f32 [Hkv, splits, G].
//
// Versions (SUBGROUPS x KEYS, workgroups wanted; see matrix.ts), on an H200, 2026-11-22: T = 131072, with scores, 32/8 heads
// of 128, repeated alone; then 64/4 heads of 128, while scores still had a dispatch of their own (the default then took
// 0.1809 ms at 32/8):
//   4x64, 528 (default):     0.1759 ms (3052 GB/s), 0.1164 ms (2306 GB/s);
//   4x64, 1056:              0.1830 ms, 0.1260 ms;
//   4x64, 1056, HELD:        0.1792 ms, 0.1252 ms;
//   4x64, 2112:              0.1966 ms, 0.1440 ms: more splits, more to merge;
//   4x32, 2112:              0.2500 ms;
//   2x32, 2112:              0.2904 ms;
//   4x64, 1056, not staged:  0.4311 ms, 0.2615 ms: operands straight from storage (matrix_straight.wgsl) do not pay;
//   2x32, 2112, not staged:  0.6807 ms (at 32/8, then too);
//   split_kv.wgsl, no matrix units: 0.6890 ms, 0.6411 ms.
// SHARED against the default for heads of 128, 528 workgroups, after other kernels (`npm run gpu-bench`), both in one run;
// without scores / with them, for the default by a dispatch of their own:
//   32/8 heads of 128: SHARED 0.1890 / 0.1861 ms, else 0.1720 / 0.1809 ms;
//   64/4 heads of 128: SHARED 0.1120 / 0.1152 ms, else 0.1050 / 0.1160 ms;
//   6/2 heads of 64:   SHARED (default up to d = 64) 0.0409 / 0.0388 ms, else 0.0498 / 0.0561 ms.

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
